/**
 * Replacing a method of a class for a while: how bugs are planted, and how a checker looks on where
 * the product has no window.
 */

export type Undo = () => void

/** Replaces a method of a class by what `make` makes of it. */
export function patch<T extends object, K extends keyof T> (
  prototype: T,
  name: K,
  make: (original: T[K]) => T[K]
): Undo {
  const original = prototype[name]
  prototype[name] = make(original)
  return () => {
    prototype[name] = original
  }
}
