/**
 * Replaces methods of classes for a while. Mutants are planted this way, and a checker looks on
 * this way where the product offers no view.
 *
 * Replacements of one method lie on top of each other, and each can be undone at any time: two
 * worlds that run at once end in any order.
 */

export type Undo = () => void

type Make = (method: unknown) => unknown
interface Layers {
  readonly original: unknown
  makes: readonly Make[]
}

const LAYERS = new WeakMap<object, Map<PropertyKey, Layers>>()

/** Replaces a method of a class by the one that `make` returns; `make` may be called again. */
export function patch<T extends object, K extends keyof T> (
  prototype: T,
  name: K,
  make: (original: T[K]) => T[K]
): Undo {
  const methods = LAYERS.get(prototype) ?? new Map<PropertyKey, Layers>()
  LAYERS.set(prototype, methods)
  const layers = methods.get(name) ?? { original: prototype[name], makes: [] }
  methods.set(name, layers)
  // Wrapped, so that the same function given twice is two layers.
  const layer: Make = method => make(method as T[K])
  const use = (makes: readonly Make[]): void => {
    layers.makes = makes
    prototype[name] = makes.reduce((method, top) => top(method), layers.original) as T[K]
  }
  use([...layers.makes, layer])
  return () => use(layers.makes.filter(other => other !== layer))
}
