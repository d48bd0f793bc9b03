/**
 * Digests per placement group, of the shards and of the committed cursors: equal digests mean equal
 * state. They ride on every heartbeat, so they are kept until something in the group changes.
 */
import { digest64 } from '../engine/base/hash.js'
import { groupOf, shardsOfGroup } from '../engine/topology/routing.js'

export interface GroupDigestsOptions {
  readonly shards: number
  readonly groups: number
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
        root = rootOf(this.#shardsOf(group).map(shard => this.#options.ofShard(shard)))
      )
    }
    return root
  }

  /** One digest over all committed cursors of a group. */
  cursorRoot (group: number): string {
    let root = this.#cursorRoots.get(group)
    if (root === undefined) {
      this.#cursorRoots.set(group, root = this.#options.ofCursors(this.#shardsOf(group)))
    }
    return root
  }

  /** The state vector of a shard is another one. */
  changed (shard: number): void {
    this.#roots.delete(groupOf(shard, this.#options.groups))
  }

  cursorMoved (shard: number): void {
    this.#cursorRoots.delete(groupOf(shard, this.#options.groups))
  }

  forget (group: number): void {
    this.#roots.delete(group)
    this.#cursorRoots.delete(group)
  }

  #shardsOf (group: number): number[] {
    return shardsOfGroup(group, this.#options.shards, this.#options.groups)
  }
}

/** The digest of a placement group, from those of its shards in ascending order. */
export function rootOf (digests: readonly string[]): string {
  return digest64(Buffer.from(digests.join('')))
}
