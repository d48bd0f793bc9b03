/**
 * A simulated disk that holds one cache of one machine, and the Store on it. The disk survives
 * processes; commits that were not confirmed before a crash may be lost.
 *
 *   commit --> on its way --(after a while)--> confirmed, and kept for good
 *                  |
 *                crash: perhaps the first few commits were made, and the next one in part
 *
 * Rows are kept and judged as by the SQLite adapter (storage/stores/stored-blobs.ts). Each has a
 * checksum; blobs that are damaged, or lie behind a damaged one, are set aside and counted when the
 * store is read.
 */
import { StoreError } from '../../engine/errors.js'
import { blobChecksum, cursorChecksum, inspectShard,
  type BlobRow } from '../../storage/stores/stored-blobs.js'
import type { Store, StoreBatch, StoredShard } from '../../storage/store.js'
import type { SimProcess } from './process.js'
import type { SimRandom } from '../random.js'

interface Rows {
  snapshot: BlobRow | undefined
  deltas: Array<BlobRow & { seq: number }>
  cursors: Map<string, BlobRow>
}

type Image = Map<number, Rows>

interface PendingCommit {
  readonly batch: StoreBatch
  settle: (error?: StoreError) => void
}

export class SimDisk {
  /** How long a commit takes. */
  latencyMs: readonly [min: number, max: number] = [0.2, 2]
  full = false
  readonly #random: SimRandom
  readonly #meta = new Map<string, string>()
  #image: Image = new Map()
  #pending: PendingCommit[] = []
  #copy: { readonly image: Image, readonly atMs: number } | undefined
  #process: SimProcess | undefined

  constructor (random: SimRandom) {
    this.#random = random
  }

  get isEmpty (): boolean {
    return this.#image.size === 0
  }

  /** The rows, for checkers of how much a store holds. */
  held (): Array<
    {
      readonly shard: number,
      readonly snapshot: Uint8Array | undefined,
      readonly deltas: readonly Uint8Array[],
      readonly cursors: number
    }
  > {
    return [...this.#image].map(([shard, { snapshot, deltas, cursors }]) => ({
      shard,
      snapshot: snapshot?.data,
      deltas: deltas.map(({ data }) => data),
      cursors: cursors.size
    }))
  }

  open (process: SimProcess): Store {
    if (this.#process?.alive === true) {
      throw new StoreError('this disk is in use by another process')
    }
    this.#process = process
    process.onEnd(() => this.#crash(process))
    return {
      getMeta: name => this.#meta.get(name),
      setMeta: (name, value) => {
        this.#meta.set(name, value)
      },
      shards: () => this.#read(),
      commit: batch => this.#commit(process, batch),
      close: async () => {
        if (this.#process === process) this.#process = undefined
      }
    }
  }

  #commit (process: SimProcess, batch: StoreBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      const pending: PendingCommit = {
        batch: copyOf(batch),
        settle: error => error === undefined ? resolve() : reject(error)
      }
      this.#pending.push(pending)
      process.ports.timers.after(this.#random.between(...this.latencyMs), () => {
        // In the order of the calls: a commit that is done has every one before it done.
        while (this.#pending.includes(pending)) {
          const first = this.#pending.shift()
          if (first === undefined) return
          if (this.full) first.settle(new StoreError('the disk is full'))
          else {
            apply(this.#image, first.batch)
            first.settle()
          }
        }
      })
    })
  }

  #crash (process: SimProcess): void {
    if (this.#process !== process) return
    this.#process = undefined
    const pending = this.#pending.splice(0)
    if (this.full) return
    const made = this.#random.int(0, pending.length)
    for (const { batch } of pending.slice(0, made)) apply(this.#image, batch)
    const torn = pending[made]
    if (torn !== undefined && this.#random.chance(0.5)) this.#tear(torn.batch)
  }

  /** The last delta of a batch that was not confirmed is there, and not whole. */
  #tear ({ deltas }: StoreBatch): void {
    const last = deltas[deltas.length - 1]
    if (last === undefined) return
    apply(this.#image, { deltas: [last], snapshots: [], cursors: [], drops: [] })
    const rows = this.#image.get(last.shard)
    const row = rows?.deltas.pop()
    if (rows !== undefined && row !== undefined) {
      rows.deltas.push({ ...row, data: row.data.slice(0, row.data.length >>> 1) })
    }
  }

  /** Flips one bit somewhere. @returns false when there is nothing to damage */
  flipBit (): boolean {
    const blobs: Array<{ data: Uint8Array }> = [...this.#image.values()].flatMap(
      rows => [...rows.snapshot === undefined ? [] : [rows.snapshot], ...rows.deltas,
        ...rows.cursors.values()]
    ).filter(({ data }) => data.length > 0)
    if (blobs.length === 0) return false
    const { data } = this.#random.pick(blobs)
    const at = this.#random.int(0, data.length - 1)
    data[at] = (data[at] ?? 0) ^ (1 << this.#random.int(0, 7))
    return true
  }

  /** Remembers the rows as they are now, for restoreCopy. */
  takeCopy (nowMs: number): void {
    this.#copy = { image: copyImage(this.#image), atMs: nowMs }
  }

  /** Puts back the rows that takeCopy remembered, or none. @returns the time of the copy */
  restoreCopy (): number {
    this.#image = this.#copy === undefined ? new Map() : copyImage(this.#copy.image)
    return this.#copy?.atMs ?? 0
  }

  wipe (): void {
    this.#image = new Map()
    this.#meta.clear()
    this.#copy = undefined
  }

  *#read (): Iterable<StoredShard> {
    for (const shard of [...this.#image.keys()].sort((a, b) => a - b)) {
      const rows = this.#image.get(shard)
      if (rows === undefined) continue
      const { stored, snapshotLost, deltasKept, consumerGroupsLost } = inspectShard({
        shard,
        snapshot: rows.snapshot,
        deltas: rows.deltas,
        cursors: [...rows.cursors].sort(([a], [b]) => a < b ? -1 : 1).map((
          [consumerGroup, row]
        ) => ({ consumerGroup, ...row }))
      })
      if (snapshotLost) rows.snapshot = undefined
      rows.deltas = rows.deltas.slice(0, deltasKept)
      for (const name of consumerGroupsLost) rows.cursors.delete(name)
      yield {
        ...stored,
        snapshot: stored.snapshot === null ? null : stored.snapshot.slice(),
        deltas: stored.deltas.map(delta => delta.slice()),
        cursors: stored.cursors.map(({ consumerGroup, cursor }) => ({
          consumerGroup,
          cursor: cursor.slice()
        }))
      }
    }
  }
}

function apply (image: Image, batch: StoreBatch): void {
  for (const shard of batch.drops) image.delete(shard)
  const rowsOf = (shard: number): Rows => {
    let rows = image.get(shard)
    if (rows === undefined) {
      image.set(shard, rows = { snapshot: undefined, deltas: [], cursors: new Map() })
    }
    return rows
  }
  for (const { shard, delta } of batch.deltas) {
    const { deltas } = rowsOf(shard)
    const seq = (deltas[deltas.length - 1]?.seq ?? 0) + 1
    deltas.push({ seq, data: delta, checksum: blobChecksum(delta, shard, seq) })
  }
  for (const { shard, snapshot } of batch.snapshots) {
    const rows = rowsOf(shard)
    rows.snapshot = { data: snapshot, checksum: blobChecksum(snapshot, shard, 0) }
    rows.deltas = []
  }
  for (const { shard, consumerGroup, cursor } of batch.cursors) {
    rowsOf(shard).cursors.set(consumerGroup, {
      data: cursor,
      checksum: cursorChecksum(cursor, shard, consumerGroup)
    })
  }
}

/** A disk shares no memory with the process that writes to it. */
function copyOf ({ deltas, snapshots, cursors, drops }: StoreBatch): StoreBatch {
  return {
    deltas: deltas.map(({ shard, delta }) => ({ shard, delta: new Uint8Array(delta) })),
    snapshots: snapshots.map(({ shard, snapshot }) => ({
      shard,
      snapshot: new Uint8Array(snapshot)
    })),
    cursors: cursors.map(({ shard, consumerGroup, cursor }) => ({
      shard,
      consumerGroup,
      cursor: new Uint8Array(cursor)
    })),
    drops: [...drops]
  }
}

function copyImage (image: Image): Image {
  const row = ({ data, checksum }: BlobRow): BlobRow => ({ data: new Uint8Array(data), checksum })
  return new Map([...image].map(([shard, { snapshot, deltas, cursors }]) => [shard, {
    snapshot: snapshot === undefined ? undefined : row(snapshot),
    deltas: deltas.map(delta => ({ seq: delta.seq, ...row(delta) })),
    cursors: new Map([...cursors].map(([group, cursor]) => [group, row(cursor)]))
  }]))
}
