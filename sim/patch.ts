/**
 * Replaces methods of classes for a while. Mutants are planted this way, and a checker looks on
 * this way where the product offers no view.
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
