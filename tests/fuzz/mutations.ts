/**
 * All mutations of updates. To add one, put an object with a name and a function into one of the
 * four lists: the mutation is drawn as often as any other, counted by its name, and its failures
 * are replayed like all others. The function takes every chance from `random`, so that a seed gives
 * one run.
 */
import { byteMutations } from './byte-mutations.js'
import { cborMutations } from './cbor-mutations.js'
import { foreignMutations } from './foreign-mutations.js'
import { wireMutations } from './wire-mutations.js'
import type { Mutation } from './world.js'

export const mutations: readonly Mutation[] = [...byteMutations, ...wireMutations, ...cborMutations,
  ...foreignMutations]
