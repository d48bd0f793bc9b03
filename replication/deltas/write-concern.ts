/**
 * What a writer may ask for before it is told that its write is done, and what that demands: of how
 * many replicas, in memory or in their stores.
 *
 *   'buffered'          1 replica, in memory        a number, 'majority', 'all'      in memory
 *   'durable'           1 replica, in its store     { durable: one of these }        in stores
 *
 * 'majority' and 'all' count the replicas that the cache is configured with, and the owner that
 * took the write is one of them.
 */
import { describe } from '../../engine/base/plain.js'
import { ConfigError } from '../../engine/errors.js'

/** How many replicas: a number from 1 to those of the cache, or a part of them. */
export type ReplicaCount = 'majority' | 'all' | number

/**
 * 'buffered': in the write buffer of one owner (default). 'durable': in that owner's store. A
 * number, 'majority', 'all': held in memory by that many replicas, the owner included. An object
 * asks for stores: `{ durable: 2 }` for those of two replicas, so that the write outlives a lost
 * disk and all processes killed at once, and with `durability: 'sync'` a power cut. The store of a
 * node without a data directory is memory.
 */
export type WriteConcern =
  | 'buffered'
  | 'durable'
  | ReplicaCount
  | { readonly durable: ReplicaCount }

export interface Demand {
  /** That must have the write. */
  readonly replicas: number
  /** Whether in their stores. */
  readonly isDurable: boolean
}

/** @throws ConfigError when there is no such write concern, or the cache has fewer replicas */
export function demandOf (concern: WriteConcern, replicas: number): Demand {
  if (concern === 'buffered' || concern === 'durable') {
    return { replicas: 1, isDurable: concern === 'durable' }
  }
  const isDurable = isOfStores(concern)
  const count = isDurable ? concern.durable : concern
  const needed = count === 'majority'
    ? Math.floor(replicas / 2) + 1
    : count === 'all'
    ? replicas
    : count
  if (!Number.isInteger(needed) || needed < 1 || needed > replicas) {
    throw new ConfigError(
      `write concern ${textOf(concern)} cannot be reached: use 'buffered', 'durable', ` +
        `'majority', 'all' or a number from 1 to ${replicas} (the cache's replicas), or one of ` +
        'the last three as { durable: 2 }'
    )
  }
  return { replicas: needed, isDurable }
}

/**
 * The write concern as it is now: an object is the caller's, and may change.
 * @throws ConfigError as demandOf
 */
export function checkConcern (concern: WriteConcern, replicas: number): WriteConcern {
  const own = isOfStores(concern) ? { durable: concern.durable } : concern
  demandOf(own, replicas)
  return own
}

/** In words, for errors, reports and names of batches: `2`, `majority`, `durable 2`. */
export function textOf (concern: WriteConcern): string {
  if (isOfStores(concern)) return `durable ${partText(concern.durable)}`
  return concern === 'buffered' || concern === 'durable' ? concern : partText(concern)
}

function partText (part: unknown): string {
  return part === 'majority' || part === 'all' || typeof part === 'number'
    ? String(part)
    : describe(part)
}

function isOfStores (concern: WriteConcern): concern is { readonly durable: ReplicaCount } {
  if (typeof concern !== 'object' || concern === null) return false
  const names = Object.keys(concern)
  return names.length === 1 && names[0] === 'durable'
}
