/**
 * The records handed to one consumer group (SPEC C1, C2): every final value at least once, and
 * within the life of one consumer no key ever in an older version than before.
 */
import type { Change } from '../../engine/changes.js'
import type { Fields } from '../../engine/base/values.js'
import { goneBack, type Shown } from '../fields/going-back.js'
import type { Model } from '../model.js'

export class Deliveries {
  /** Per key, every state of its record that was handed out. */
  readonly #states = new Map<string, Set<string>>()
  /** Keys that were handed out alive, by shard. */
  readonly #alive = new Map<string, number>()
  readonly #resetShards = new Set<number>()
  count = 0
  resets = 0

  constructor (readonly place: string, readonly group: string) {}

  /** A consumer of the group begins, which knows nothing of the records shown to others. */
  begin (model: Model): (changes: readonly Change[], resets: readonly number[]) => string | null {
    const versions = new Map<string, Shown & { readonly shard: number }>()
    return (changes, resets) => {
      for (const shard of resets) {
        this.resets++
        this.#resetShards.add(shard)
        for (const [key, known] of versions) if (known.shard === shard) versions.delete(key)
      }
      for (const change of changes) {
        const { key, shard, version, fields } = change
        const before = versions.get(key)
        const back = before === undefined ? null : goneBack(key, before, change)
        if (back !== null) return `group ${this.group} was shown ${key} in ${back}`
        versions.set(key, { shard, version, fields })
        const problem = model.judge(
          this.place,
          key,
          change.deleted ? undefined : change.fields,
          false
        )
        if (problem !== null) return `group ${this.group} was shown that ${problem}`
        this.#record(change)
      }
      return null
    }
  }

  #record ({ key, shard, deleted, fields }: Change): void {
    this.count++
    if (!deleted) this.#alive.set(key, shard)
    const state = stateOf(deleted ? undefined : fields)
    const states = this.#states.get(key)
    if (states === undefined) this.#states.set(key, new Set([state]))
    else states.add(state)
  }

  /** A final record that the group was never handed in one piece, or null. */
  missing (records: ReadonlyMap<string, Fields>): string | null {
    for (const [key, fields] of records) {
      if (this.#states.get(key)?.has(stateOf(fields)) !== true) {
        return `group ${this.group} was never handed the final ${key} = ${
          stateOf(fields).slice(0, 200)
        }`
      }
    }
    return null
  }

  /**
   * A record that is gone, which the group was shown and of whose end the group was never told; or
   * null. To be asked only where no machine lost anything.
   */
  untold (records: ReadonlyMap<string, Fields>): string | null {
    for (const [key, shard] of this.#alive) {
      if (
        !records.has(key) && this.#states.get(key)?.has(DELETED) !== true &&
        !this.#resetShards.has(shard)
      ) return `group ${this.group} was shown ${key} and never told that it was deleted`
    }
    return null
  }
}

const DELETED = 'deleted'

function stateOf (fields: Fields | undefined): string {
  return fields === undefined
    ? DELETED
    : JSON.stringify(Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1))
}
