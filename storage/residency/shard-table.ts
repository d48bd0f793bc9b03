/**
 * The shards of one cache on one node, each resident, cold or absent, and the way from one to the
 * other:
 *
 *   absent --open--> resident
 *   cold --open, hydrate--> resident      (fails by name: nothing is cold yet)
 *   resident, cold --forget--> absent
 *
 * Questions that a row answers as well as the shard (known, floor, digest, counts) are answered
 * without reading a cold shard back; questions about records read it back.
 */
import { digestOf, type StateVector } from '../../engine/base/state-vector.js'
import type { Fields } from '../../engine/base/values.js'
import type { NewerForm } from '../../engine/errors.js'
import { NO_FLOOR, type Floor } from '../../engine/garbage/floor.js'
import type { Shard } from '../../engine/shard.js'
import { ColdShardError, type ColdShard, type Present, type Residency,
  type ShardCounts } from './residency.js'

const ABSENT: Residency = { state: 'absent' }
const NOTHING: StateVector = new Map()
const EMPTY_DIGEST = digestOf(NOTHING)

export abstract class ShardTable {
  readonly #incarnation: number
  readonly #present = new Map<number, Present>()
  /**
   * Ids for shards that were forgotten: taken up again, a log starts over, and under the old id it
   * would hand out dots twice.
   */
  readonly #later = new Map<number, number>()

  /** @param incarnation the id of this process life */
  constructor (incarnation: number) {
    this.#incarnation = incarnation
  }

  /** Makes an empty shard that writes under this id. */
  protected abstract begin (shard: number, incarnation: number): Shard

  /** Where a shard is: in memory, in the store only, or nowhere. */
  at (shard: number): Residency {
    return this.#present.get(shard) ?? ABSENT
  }

  /**
   * The shard in memory, to be changed: read back when it is cold, begun when it is absent.
   * @throws ColdShardError
   */
  open (shard: number): Shard {
    const residency = this.at(shard)
    switch (residency.state) {
      case 'resident':
        return residency.shard
      case 'cold':
        return this.hydrate(residency.row)
      case 'absent': {
        const begun = this.begin(shard, this.incarnationOf(shard))
        this.#present.set(shard, { state: 'resident', shard: begun })
        return begun
      }
    }
  }

  /**
   * Reads a cold shard back into memory. @throws ColdShardError always, until stores can do it
   */
  hydrate ({ shard }: ColdShard): Shard {
    throw new ColdShardError(shard)
  }

  /** Takes note of a shard that is in the store only. No store says so yet. */
  cool (row: ColdShard): void {
    this.#present.set(row.shard, { state: 'cold', row })
  }

  /** @param later the id to write under should the shard be taken up again */
  protected forget (shard: number, later: number): void {
    if (this.#present.delete(shard)) this.#later.set(shard, later)
  }

  /** The id under which this node writes to a shard, or would. */
  incarnationOf (shard: number): number {
    return this.#later.get(shard) ?? this.#incarnation
  }

  /** The shards in memory, which may not be all there are. */
  *residents (): Generator<Shard, void, undefined> {
    for (const residency of this.#present.values()) {
      if (residency.state === 'resident') yield residency.shard
    }
  }

  /** The shard with its records: read back when it is cold, undefined only when it is absent. */
  protected withRecords (shard: number): Shard | undefined {
    const residency = this.at(shard)
    switch (residency.state) {
      case 'resident':
        return residency.shard
      case 'cold':
        return this.hydrate(residency.row)
      case 'absent':
        return undefined
    }
  }

  /** A record's current fields, frozen; undefined when there is none. @throws ColdShardError */
  record (shard: number, key: string): Fields | undefined {
    return this.withRecords(shard)?.get(key)
  }

  /**
   * The greatest version in a record, dropped tombstones included; undefined when there is no such
   * record. @throws ColdShardError
   */
  versionOf (shard: number, key: string): number | undefined {
    const found = this.withRecords(shard)
    const head = found?.index.get(key)
    return head === undefined ? undefined : found?.versionOf(head)
  }

  /** The entries of a shard that this node has seen, retired incarnations included. */
  known (shard: number): StateVector {
    const residency = this.at(shard)
    switch (residency.state) {
      case 'resident':
        return residency.shard.known
      case 'cold':
        return residency.row.known
      case 'absent':
        return NOTHING
    }
  }

  /** Every tombstone of the shard that was dropped here lies below it. */
  floor (shard: number): Floor {
    const residency = this.at(shard)
    switch (residency.state) {
      case 'resident':
        return residency.shard.floor
      case 'cold':
        return residency.row.floor
      case 'absent':
        return NO_FLOOR
    }
  }

  /** The digest of one shard's state vector. */
  digest (shard: number): string {
    const residency = this.at(shard)
    switch (residency.state) {
      case 'resident':
        return residency.shard.digest
      case 'cold':
        return residency.row.digest
      case 'absent':
        return EMPTY_DIGEST
    }
  }

  /** The entry of a newer release that a shard cannot get past (ADR 12); null for none. */
  standsBefore (shard: number): NewerForm | null {
    const residency = this.at(shard)
    switch (residency.state) {
      case 'resident':
        return residency.shard.standsBefore
      case 'cold': // was read whole before it became cold
      case 'absent':
        return null
    }
  }

  /** The shards that cannot get past an entry of a newer release. */
  *unreadable (): Generator<{ readonly shard: number, readonly form: NewerForm }, void, undefined> {
    for (const { shard, standsBefore } of this.residents()) {
      if (standsBefore !== null) yield { shard, form: standsBefore }
    }
  }

  /** Over all shards, resident and cold. O(records in memory). */
  counts (): ShardCounts {
    const sum = { records: 0, liveEntries: 0, deadEntries: 0 }
    for (const residency of this.#present.values()) {
      const { records, liveEntries, deadEntries } = countsOf(residency)
      sum.records += records
      sum.liveEntries += liveEntries
      sum.deadEntries += deadEntries
    }
    return sum
  }
}

function countsOf (residency: Present): ShardCounts {
  switch (residency.state) {
    case 'resident': {
      const { liveEntries, deadEntries } = residency.shard
      return { records: residency.shard.countRecords(), liveEntries, deadEntries }
    }
    case 'cold':
      return residency.row.counts
  }
}
