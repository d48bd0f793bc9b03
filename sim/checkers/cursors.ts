/**
 * Committed cursors never go back while a node holds their group, in the order in which they join
 * (SPEC C3, C8).
 */
import { comparePositions, decodeCursor, type Cursor } from '../../engine/cursor.js'
import { covers } from '../../engine/base/state-vector.js'
import type { NodeMachine } from '../world/node-machine.js'
import { Violation } from '../violation.js'

interface Seen {
  readonly bytes: Uint8Array
  readonly cursor: Cursor
}

export class CursorWatch {
  /**
   * Per process life, cache and placement group: the cursors found at the last look, by shard and
   * consumer group.
   */
  readonly #seen = new Map<string, Map<string, Seen>>()

  /**
   * A process gave a placement group up. Cursors that are there when it takes the group up again
   * may come from another node.
   */
  dropped (process: string | undefined, cache: string, group: number): void {
    this.#seen.delete(`${process} ${cache} ${group}`)
  }

  check ({ inside, process, world }: NodeMachine, cache: string): void {
    const replicator = inside?.replicas.get(cache)?.replicator
    for (const group of replicator?.held.all ?? []) {
      const id = `${process?.label} ${cache} ${group}`
      const seen = this.#seen.get(id) ?? new Map<string, Seen>()
      this.#seen.set(id, seen)
      const { shards } = replicator as NonNullable<typeof replicator>
      for (
        const [shard, consumerGroup, bytes] of shards.cursors.of(shards.topology.shardsOf(group))
      ) {
        const name = `${shard} ${consumerGroup}`
        const before = seen.get(name)
        if (before?.bytes === bytes) continue
        const cursor = decodeCursor(bytes, shard, world.limits)
        if (before !== undefined && !isNoEarlier(cursor, before.cursor)) {
          throw new Violation(
            'a committed cursor never goes back',
            `${process?.label} ${cache} ${name}`
          )
        }
        seen.set(name, { bytes, cursor })
      }
    }
  }
}

function isNoEarlier (now: Cursor, before: Cursor): boolean {
  if (now.generation !== before.generation) return now.generation > before.generation
  return comparePositions(now, before) >= 0 && covers(now.witness, before.witness)
}
