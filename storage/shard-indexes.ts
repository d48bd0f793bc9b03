/**
 * The secondary indexes of the shards of one cache: made with their shard, so that they are
 * complete whenever it is.
 */
import { indexed, type Condition, type IndexDeclaration } from '../engine/query/query.js'
import type { Limits } from '../engine/limits.js'
import { fieldsOf } from '../engine/record/reading.js'
import { SecondaryIndexes, type QueryPage,
  type QueryPageOptions } from '../engine/query/secondary-index.js'
import { onlyIfResident } from './residency/residency.js'
import type { ShardTable } from './residency/shard-table.js'

const NOTHING: QueryPage = { records: [], next: null, looked: 0, bytes: 0 }

export class ShardIndexes {
  readonly #declared: IndexDeclaration
  readonly #table: ShardTable
  readonly #limits: Limits
  readonly #indexes = new Map<number, SecondaryIndexes>()

  /** @param declared the fields queries can ask for; where there are none, indexes cost nothing */
  constructor (declared: IndexDeclaration, table: ShardTable, limits: Limits) {
    this.#declared = declared
    this.#table = table
    this.#limits = limits
  }

  /** Makes the indexes of a new shard. @returns the option by which the shard reports to them */
  begin (shard: number): { onRecord?: (key: string) => void } {
    if (Object.keys(this.#declared).length === 0) return {}
    const readExpired = (key: string) => {
      const head = onlyIfResident(this.#table.at(shard))?.index.get(key)
      return head === undefined ? undefined : fieldsOf(head)
    }
    const indexes = new SecondaryIndexes({
      declaration: this.#declared,
      limits: this.#limits,
      read: key => onlyIfResident(this.#table.at(shard))?.get(key),
      readExpired
    })
    this.#indexes.set(shard, indexes)
    return { onRecord: key => indexes.touch(key) }
  }

  /**
   * A page of the records of one shard that meet all conditions, by key. A cold shard is read back,
   * which makes its indexes.
   * @throws NotIndexedError, ColdShardError
   */
  query (shard: number, conditions: readonly Condition[], options: QueryPageOptions): QueryPage {
    const residency = this.#table.at(shard)
    switch (residency.state) {
      case 'resident':
        return this.#ask(shard, conditions, options)
      case 'cold':
        this.#table.hydrate(residency.row)
        return this.#ask(shard, conditions, options)
      case 'absent':
        // An empty shard refuses the same conditions as any other.
        indexed(conditions, this.#declared)
        return NOTHING
    }
  }

  #ask (shard: number, conditions: readonly Condition[], options: QueryPageOptions): QueryPage {
    const indexes = this.#indexes.get(shard)
    if (indexes !== undefined) return indexes.query(conditions, options)
    indexed(conditions, this.#declared) // which refuses: without declared fields there is no index
    return NOTHING
  }

  of (shard: number): SecondaryIndexes | undefined {
    return this.#indexes.get(shard)
  }

  drop (shard: number): void {
    this.#indexes.delete(shard)
  }
}
