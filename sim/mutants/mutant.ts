/**
 * A mutant: a bug that the product could have, planted for the duration of a run. A simulation that
 * does not find the planted bug would not find the real one either.
 *
 * Mutants replace public methods of product classes, or the answers of ports; the product itself
 * has no switch for them.
 */

import type { Undo } from '../patch.js'

export interface Mutant {
  readonly name: string
  /** The mistake of the product with this mutant, in a few words. */
  readonly breaks: string
  /** Within so many seeds the simulation must find the mutant. */
  readonly seeds: number
  /** Plants the bug; a mutant with a memory begins with an empty one. */
  readonly plant: () => Undo
}

export function all (...undos: readonly Undo[]): Undo {
  return () => {
    for (const undo of undos) undo()
  }
}
