/**
 * A planted bug: something the product could get wrong, put into it for the duration of a run. A
 * simulation that does not find it would not find the real one either.
 *
 * Mutants replace public methods of product classes, or what the ports hand out; the product itself
 * has no switch for them.
 */

import type { Undo } from '../patch.js'

export interface Mutant {
  readonly name: string
  /** What the product does wrong with it, in a few words. */
  readonly breaks: string
  /** It must be found within so many seeds. */
  readonly seeds: number
  /** Puts it in; one that remembers something begins anew. */
  readonly plant: () => Undo
}

export function all (...undos: readonly Undo[]): Undo {
  return () => {
    for (const undo of undos) undo()
  }
}
