/**
 * The shard's log: a Y.Doc with one root Y.Array that is only ever appended to. Yjs is imported here and nowhere else.
 *
 * Each incarnation's entries form a chain of items, every item's origin the clock before it, so appending behind an
 * incarnation's own last item is O(1) and never waits for another incarnation. An entry that is superseded leaves a hole
 * where it stood: taking items out one by one makes Yjs splice an array per write. Holes are taken out in bulk, by copying
 * what is left into a fresh log (compaction.ts).
 *
 * A hole costs 8 bytes, an item hundreds, so a fresh log has a deleted item for each long run of superseded entries only;
 * short ones stay among their live neighbours as holes. After random overwrites nearly every second run is shorter than
 * two entries.
 *
 *   invariants   clocks of an incarnation are contiguous from 0; an entry of the log is live; nothing is ever pending inside
 *                Yjs; the document's state vector equals `stateVector`
 */
import * as Y from 'yjs'
import { Entry, NO_FIELDS } from './entry.js'
import type { Run } from './run.js'
import { ROOT } from './update.js'

/** The longest run of superseded entries that is kept as holes. */
const MAX_HOLES = 32
const HOLE = new Entry('', 0, 0, NO_FIELDS, false)
HOLE.live = false

/** A stretch of a log: what it says of the clocks in [clock, end). */
export interface Stretch {
  readonly runs: readonly Run[]
  readonly end: number
}

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

  /**
   * Appends runs in one Yjs transaction. Each must start exactly at its incarnation's end. Where Yjs throws, `stateVector` stays as it
   * was, and what the document holds is anybody's guess: it is of no more use.
   */
  append (runs: readonly Run[]): void {
    const ends = new Map<number, number>()
    for (const { incarnation, clock, length } of runs) {
      const end = ends.get(incarnation) ?? this.end(incarnation)
      if (clock !== end) throw new Error(`run at clock ${clock} of incarnation ${incarnation}, which ends at ${end}`)
      ends.set(incarnation, end + length)
    }
    this.#doc.transact(transaction => {
      for (const run of runs) {
        const structs = this.#doc.store.clients.get(run.incarnation)
        const left = structs === undefined ? null : structs[structs.length - 1] as Y.Item
        // A right neighbour that really is the right neighbour spares Yjs its search for conflicting items.
        const right = left === null ? this.#root._start : left.right
        const content = run.entries === null ? new Y.ContentDeleted(run.length) : new EntryRun([...run.entries])
        new Y.Item(Y.createID(run.incarnation, run.clock), left, left === null ? null : left.lastId, right, null, this.#root, null, content).integrate(transaction, 0)
      }
    })
    for (const [incarnation, end] of ends) this.#stateVector.set(incarnation, end)
  }

  /** Leaves a hole where a superseded entry stood. */
  bury (entry: Entry): void {
    const item = this.#items(entry.incarnation)[Y.findIndexSS(this.#items(entry.incarnation), entry.clock)] as Y.Item
    entriesIn(item)[entry.clock - item.id.clock] = HOLE
  }

  /** Calls `visit` for each entry of an incarnation from `clock` on, in order, until it returns false. */
  eachLive (incarnation: number, clock: number, visit: (entry: Entry) => boolean): void {
    if (clock >= this.end(incarnation)) return
    const items = this.#items(incarnation)
    for (let i = Y.findIndexSS(items, clock); i < items.length; i++) {
      const item = items[i] as Y.Item
      if (item.deleted) continue
      const entries = entriesIn(item)
      for (let j = Math.max(0, clock - item.id.clock); j < entries.length; j++) {
        const entry = entries[j] as Entry
        if (entry !== HOLE && !visit(entry)) return
      }
    }
  }

  hasLive (incarnation: number): boolean {
    let found = false
    this.eachLive(incarnation, 0, () => {
      found = true
      return false
    })
    return found
  }

  /** The entries of an incarnation from `clock` on. */
  live (incarnation: number, clock: number): Entry[] {
    const found: Entry[] = []
    this.eachLive(incarnation, clock, entry => found.push(entry) > 0)
    return found
  }

  /** The log of an incarnation from `clock` on, as runs that keep short holes, of at most `maxSlots` entries and holes. */
  stretch (incarnation: number, clock: number, maxSlots: number): Stretch {
    const end = this.end(incarnation)
    const items = this.#items(incarnation)
    const runs = new LooseRuns(incarnation, clock)
    let slots = maxSlots
    for (let i = Y.findIndexSS(items, clock); i < items.length; i++) {
      const item = items[i] as Y.Item
      if (slots <= 0) return runs.finish(item.id.clock)
      if (item.deleted) {
        slots--
        continue
      }
      const entries = entriesIn(item)
      const first = Math.max(0, clock - item.id.clock)
      const last = Math.min(entries.length, first + slots)
      for (let j = first; j < last; j++) {
        const entry = entries[j] as Entry
        if (entry !== HOLE) runs.add(entry, item.id.clock + j)
      }
      slots -= last - first
      if (last < entries.length) return runs.finish(item.id.clock + last)
    }
    return runs.finish(end)
  }

  /** Forgets an incarnation that owns nothing live: its items are out of reach, and gone with the next compaction. */
  forget (incarnation: number): void {
    this.#stateVector.delete(incarnation)
    this.#doc.store.clients.delete(incarnation)
  }

  #items (incarnation: number): Y.Item[] {
    return this.#doc.store.clients.get(incarnation) as Y.Item[]
  }

  /** Ends its use. */
  destroy (): void { this.#doc.destroy() }

  /** Yjs's own view of the log, for tests that hold ours against it. */
  get doc (): Y.Doc { return this.#doc }
}

function entriesIn (item: Y.Item): Entry[] {
  return (item.content as Y.ContentAny).arr as Entry[]
}

/** An incarnation's log from 0 to `end`, of which exactly `live` (in clock order) is not superseded, as runs that keep short holes. */
export function runsWithHoles (incarnation: number, end: number, live: readonly Entry[]): readonly Run[] {
  const runs = new LooseRuns(incarnation, 0)
  for (const entry of live) runs.add(entry, entry.clock)
  return runs.finish(end).runs
}

/** Puts runs together from entries in clock order: as few as holes allow. */
class LooseRuns {
  readonly #runs: Run[] = []
  #entries: Entry[] = []
  #clock: number

  constructor (readonly incarnation: number, clock: number) { this.#clock = clock }

  /** The clock is the entry's own; the caller knows it without having to fetch the entry into the cache. */
  add (entry: Entry, clock: number): void {
    const gap = clock - this.#clock
    if (this.#entries.length === 0 || gap > MAX_HOLES) this.#skipTo(clock)
    else for (let i = 0; i < gap; i++) this.#entries.push(HOLE)
    this.#entries.push(entry)
    this.#clock = clock + 1
  }

  finish (end: number): Stretch {
    this.#skipTo(end)
    return { runs: this.#runs, end }
  }

  #skipTo (clock: number): void {
    const { incarnation } = this
    if (this.#entries.length > 0) this.#runs.push({ incarnation, clock: this.#clock - this.#entries.length, length: this.#entries.length, entries: this.#entries })
    if (clock > this.#clock) this.#runs.push({ incarnation, clock: this.#clock, length: clock - this.#clock, entries: null })
    this.#entries = []
    this.#clock = clock
  }
}
