/**
 * The records a shard should hold, found slowly and plainly: all writes are kept, and each field is
 * looked for among all of them. No Yjs, no index, no dead entries, nothing incremental.
 */
import type { Write } from '../../engine/write/write.js'
import type { Fields, Value } from '../../engine/base/values.js'

export interface OracleWrite extends Write {
  readonly incarnation: number
  /** The writer's own count, in place of the clock. */
  readonly count: number
}

export class Oracle {
  readonly #writes = new Map<string, OracleWrite[]>()

  add (write: OracleWrite): void {
    const writes = this.#writes.get(write.key) ?? []
    writes.push(write)
    this.#writes.set(write.key, writes)
  }

  /** Every record that is not deleted, keys and fields in order. */
  dump (): Record<string, Fields> {
    const records: [string, Fields][] = []
    for (const key of [...this.#writes.keys()].sort()) {
      const fields = this.#record(this.#writes.get(key) ?? [])
      if (fields !== undefined) records.push([key, fields])
    }
    return Object.fromEntries(records)
  }

  #record (writes: readonly OracleWrite[]): Fields | undefined {
    const clears = writes.filter(write => write.fields === null || write.clears === true)
    const hidden = (write: OracleWrite): boolean => clears.some(clear => compare(clear, write) > 0)
    const winners = new Map<string, OracleWrite>()
    for (const write of writes) {
      if (hidden(write)) continue
      for (const name of Object.keys(write.fields ?? {})) {
        const winner = winners.get(name)
        if (winner === undefined || compare(write, winner) > 0) winners.set(name, write)
      }
    }
    if (winners.size === 0) return undefined
    return Object.fromEntries(
      [...winners].sort(([a], [b]) => a < b ? -1 : 1).map((
        [name, { fields }]
      ) => [name, (fields as Fields)[name] as Value])
    )
  }
}

/** By version, stamp, incarnation, clock. */
function compare (a: OracleWrite, b: OracleWrite): number {
  return a.version - b.version || a.stamp - b.stamp || a.incarnation - b.incarnation ||
    a.count - b.count
}
