/**
 * Digests per placement group, of the shards and of the committed cursors: equal digests mean equal
 * state. They ride on every heartbeat, so they are kept until something in the group changes.
 */
import { digest64 } from '../engine/base/hash.js'
import type { Topology } from '../engine/topology/topology.js'

export interface GroupDigestsOptions {
  readonly topology: Topology
  readonly ofShard: (shard: number) => string
  readonly ofCursors: (shards: readonly number[]) => string
}

export class GroupDigests {
  readonly #options: GroupDigestsOptions
  readonly #roots = new Map<number, string>()
  readonly #cursorRoots = new Map<number, string>()

  constructor (options: GroupDigestsOptions) {
    this.#options = options
  }

  /** One digest over all shards of a group. */
  root (group: number): string {
    let root = this.#roots.get(group)
    if (root === undefined) {
      this.#roots.set(
        group,
        root = rootOf(
          this.#options.topology.shardsOf(group).map(shard => this.#options.ofShard(shard))
        )
      )
    }
    return root
  }

  /** One digest over all committed cursors of a group. */
  cursorRoot (group: number): string {
    let root = this.#cursorRoots.get(group)
    if (root === undefined) {
      this.#cursorRoots.set(
        group,
        root = this.#options.ofCursors(this.#options.topology.shardsOf(group))
      )
    }
    return root
  }

  /** The state vector of a shard changed. */
  changed (shard: number): void {
    this.#roots.delete(this.#options.topology.groupOf(shard))
  }

  cursorMoved (shard: number): void {
    this.#cursorRoots.delete(this.#options.topology.groupOf(shard))
  }

  forget (group: number): void {
    this.#roots.delete(group)
    this.#cursorRoots.delete(group)
  }
}

/** The digest of a placement group, from those of its shards in ascending order. */
export function rootOf (digests: readonly string[]): string {
  return digest64(Buffer.from(digests.join('')))
}
