/**
 * The shard's log: a Y.Doc with one root Y.Array that is only ever appended to. Yjs is imported here and nowhere else.
 *
 * Each incarnation's entries form a chain of items, every item's origin the clock before it, so appending behind an
 * incarnation's own last item is O(1) and never waits for another incarnation. Superseded entries stay where they are:
 * taking them out one by one makes Yjs splice an array per write. `compacted` builds a fresh document instead, and is
 * called when garbage outnumbers live entries.
 *
 * A fresh document has a deleted item for each long run of superseded entries; short ones stay among their live
 * neighbours as holes. A hole costs 8 bytes and no time, an item hundreds of bytes and most of a microsecond, and after
 * random overwrites nearly every second run is shorter than two entries.
 *
 *   invariants   clocks of an incarnation are contiguous from 0; nothing is ever pending inside Yjs; the document's
 *                state vector equals `stateVector`
 */
import * as Y from 'yjs'
import { Entry, NO_FIELDS } from './entry.js'
import type { Run } from './run.js'
import { ROOT } from './update.js'

/** The longest run of superseded entries that is kept as holes. */
const MAX_HOLES = 32
const HOLE = new Entry('', 0, 0, NO_FIELDS, false)
HOLE.live = false

/** Entries in an item. Yjs joins neighbours by copying arrays; this one appends in place, so a flush costs its own length. */
class EntryRun extends Y.ContentAny {
  override mergeWith (right: Y.ContentAny): boolean {
    for (const entry of right.arr) this.arr.push(entry)
    return true
  }
}

export class ShardLog {
  readonly #doc: Y.Doc
  readonly #root: Y.Array<Entry>
  readonly #stateVector = new Map<number, number>()

  constructor () {
    this.#doc = new Y.Doc({ guid: ROOT }) // Yjs would make up a random one
    this.#root = this.#doc.getArray<Entry>(ROOT)
  }

  get stateVector (): ReadonlyMap<number, number> { return this.#stateVector }

  /** The next clock of an incarnation. */
  end (incarnation: number): number {
    return this.#stateVector.get(incarnation) ?? 0
  }

  /** Appends runs in one Yjs transaction. Each must start exactly at its incarnation's end. */
  append (runs: readonly Run[]): void {
    this.#doc.transact(transaction => {
      for (const run of runs) {
        if (run.clock !== this.end(run.incarnation)) throw new Error(`run at clock ${run.clock} of incarnation ${run.incarnation}, which ends at ${this.end(run.incarnation)}`)
        const structs = this.#doc.store.clients.get(run.incarnation)
        const left = structs === undefined ? null : structs[structs.length - 1] as Y.Item
        // A right neighbour that really is the right neighbour spares Yjs its search for conflicting items.
        const right = left === null ? this.#root._start : left.right
        const content = run.entries === null ? new Y.ContentDeleted(run.length) : new EntryRun([...run.entries])
        new Y.Item(Y.createID(run.incarnation, run.clock), left, left === null ? null : left.lastId, right, null, this.#root, null, content).integrate(transaction, 0)
        this.#stateVector.set(run.incarnation, run.clock + run.length)
      }
    })
  }

  /** Calls `visit` for each live entry of an incarnation from `clock` on, in order, until it returns false. */
  eachLive (incarnation: number, clock: number, visit: (entry: Entry) => boolean): void {
    if (clock >= this.end(incarnation)) return
    const structs = this.#doc.store.clients.get(incarnation) as Y.Item[]
    for (let i = Y.findIndexSS(structs, clock); i < structs.length; i++) {
      const item = structs[i] as Y.Item
      if (item.deleted) continue
      const entries = (item.content as Y.ContentAny).arr as Entry[]
      for (let j = Math.max(0, clock - item.id.clock); j < entries.length; j++) {
        const entry = entries[j] as Entry
        if (entry.live && !visit(entry)) return
      }
    }
  }

  /** The live entries of an incarnation from `clock` on. */
  live (incarnation: number, clock: number): Entry[] {
    const found: Entry[] = []
    this.eachLive(incarnation, clock, entry => found.push(entry) > 0)
    return found
  }

  /** A fresh log with the same live entries and state vector, and without the dead ones. */
  compacted (): ShardLog {
    const fresh = new ShardLog()
    for (const [incarnation, end] of this.#stateVector) fresh.append(looseRunsOf(incarnation, end, this.live(incarnation, 0)))
    this.#doc.destroy()
    return fresh
  }

  /** Yjs's own view of the log, for tests that hold ours against it. */
  get doc (): Y.Doc { return this.#doc }
}

/** The runs of [0, end), of which exactly `live` (ascending) is not superseded: as few as holes allow. */
function looseRunsOf (incarnation: number, end: number, live: readonly Entry[]): Run[] {
  const runs: Run[] = []
  let entries: Entry[] = []
  let clock = 0
  const close = (): void => {
    if (entries.length > 0) runs.push({ incarnation, clock: clock - entries.length, length: entries.length, entries })
    entries = []
  }
  const skipTo = (next: number): void => {
    if (next > clock) runs.push({ incarnation, clock, length: next - clock, entries: null })
    clock = next
  }
  for (const entry of live) {
    if (entries.length === 0 || entry.clock - clock > MAX_HOLES) {
      close()
      skipTo(entry.clock)
    }
    for (; clock < entry.clock; clock++) entries.push(HOLE)
    entries.push(entry)
    clock++
  }
  close()
  skipTo(end)
  return runs
}
