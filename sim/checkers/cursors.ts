/** Committed cursors never go back while a node lives, in the order in which they join (SPEC C3, C8). */
import { comparePositions, decodeCursor, type Cursor } from '../../engine/cursor.js'
import { covers } from '../../engine/state-vector.js'
import type { NodeMachine } from '../node-machine.js'
import { Violation } from '../violation.js'

export class CursorWatch {
  /** Per process life, cache, shard and consumer group: what was there when it was last looked at. */
  readonly #seen = new Map<string, { readonly bytes: Uint8Array, readonly cursor: Cursor }>()

  check (machine: NodeMachine, cache: string): void {
    const replicator = machine.inside?.replicas.get(cache)?.replicator
    if (replicator === undefined) return
    for (let group = 0; group < replicator.shape.groups; group++) {
      if (!replicator.held.has(group)) {
        for (const shard of replicator.shards.shardsOf(group)) this.#forget(`${machine.process?.label} ${cache} ${shard} `)
        continue
      }
      for (const [shard, consumerGroup, bytes] of replicator.shards.cursors.of(replicator.shards.shardsOf(group))) this.#compare(`${machine.process?.label} ${cache} ${shard} ${consumerGroup}`, shard, bytes)
    }
  }

  #forget (prefix: string): void {
    for (const name of this.#seen.keys()) if (name.startsWith(prefix)) this.#seen.delete(name)
  }

  #compare (name: string, shard: number, bytes: Uint8Array): void {
    const before = this.#seen.get(name)
    if (before?.bytes === bytes) return
    const cursor = decodeCursor(bytes, shard)
    if (before !== undefined && !(cursor.generation > before.cursor.generation || (cursor.generation === before.cursor.generation && comparePositions(cursor, before.cursor) >= 0 && covers(cursor.witness, before.cursor.witness)))) {
      throw new Violation('a committed cursor never goes back', name)
    }
    this.#seen.set(name, { bytes, cursor })
  }
}
