/**
 * The shard's log: a Y.Doc with one root Y.Array that is only ever appended to. Yjs is imported
 * here and nowhere else.
 *
 * Each incarnation is one item, whose content is a sparse list of the live entries (slots.ts). Yjs
 * makes an item of each append and joins it with the item before, whose list takes over the new
 * entries. So a flush costs its own length, however many incarnations there are. Yjs only knows how
 * many clocks an item covers. Superseded entries leave the list, and the log is never copied to be
 * rid of them.
 *
 *   invariants   clocks of an incarnation are contiguous from 0; an entry of the log is live;
 *                nothing is ever pending inside Yjs; the document's state vector equals
 *                `stateVector`; an incarnation has exactly one item
 */
import * as Y from 'yjs'
import type { Entry } from '../record/entry.js'
import type { Run } from './run.js'
import { Slots } from './slots.js'
import { ROOT } from './update.js'
import type { Limits } from '../limits.js'

/** The content of an item: for a number of clocks, the entries that are live. */
class EntryRun extends Y.ContentAny {
  readonly #slots: Slots
  /** Appended entries, until it is known whether Yjs joins this item with the one before. */
  #runs: readonly Run[]
  #length: number

  constructor (runs: readonly Run[], limits: Limits) {
    super([])
    this.#slots = new Slots(limits)
    this.#runs = runs
    this.#length = runs.reduce((sum, { length }) => sum + length, 0)
  }

  get slots (): Slots {
    if (this.#runs.length > 0) this.#take(this)
    return this.#slots
  }

  #take (from: EntryRun): void {
    for (const { entries, clock } of from.#runs) {
      if (entries !== null) this.#slots.append(entries, clock)
    }
    from.#runs = []
  }

  override getLength (): number {
    return this.#length
  }

  override mergeWith (right: EntryRun): boolean {
    if (this.#runs.length > 0) this.#take(this)
    this.#take(right)
    this.#length += right.#length
    return true
  }

  /** Yjs is given undefined for each superseded entry. */
  override getContent (): unknown[] {
    const content = new Array<unknown>(this.#length)
    this.slots.each(0, entry => {
      content[entry.clock] = entry
      return true
    })
    return content
  }

  override splice (): never {
    throw new Error('the log is never split')
  }
  override write (): never {
    throw new Error('the log is encoded by update.ts')
  }
}

export class ShardLog {
  readonly #limits: Limits
  readonly #doc: Y.Doc
  readonly #root: Y.Array<Entry>
  readonly #stateVector = new Map<number, number>()
  #holes = 0

  constructor (limits: Limits) {
    this.#limits = limits
    this.#doc = new Y.Doc({ guid: ROOT }) // Yjs would make up a random one
    this.#root = this.#doc.getArray<Entry>(ROOT)
  }

  get stateVector (): ReadonlyMap<number, number> {
    return this.#stateVector
  }

  /** The number of superseded entries that were not taken out yet. */
  get holes (): number {
    return this.#holes
  }

  /** The next clock of an incarnation. */
  end (incarnation: number): number {
    return this.#stateVector.get(incarnation) ?? 0
  }

  /**
   * Appends runs in one Yjs transaction. Each must start exactly at the end of its incarnation. If
   * Yjs throws, `stateVector` stays as it was, but the state of the document is unknown: this log
   * must not be used any more.
   */
  append (runs: readonly Run[]): void {
    const spans = new Map<number, Run[]>()
    for (const run of runs) {
      const span = spans.get(run.incarnation)
      const end = span === undefined ? this.end(run.incarnation) : endOf(span)
      if (run.clock !== end) {
        throw new Error(
          `run at clock ${run.clock} of incarnation ${run.incarnation}, which ends at ${end}`
        )
      }
      if (span === undefined) spans.set(run.incarnation, [run])
      else span.push(run)
    }
    this.#doc.transact(transaction => {
      for (const [incarnation, span] of spans) {
        const left = this.#item(incarnation)
        // With the true right neighbour, Yjs does not have to search for conflicting items.
        const right = left === null ? this.#root._start : left.right
        const clock = (span[0] as Run).clock
        new Y.Item(
          Y.createID(incarnation, clock),
          left,
          left === null ? null : left.lastId,
          right,
          null,
          this.#root,
          null,
          new EntryRun(span, this.#limits)
        ).integrate(transaction, 0)
      }
    })
    for (const [incarnation, span] of spans) this.#stateVector.set(incarnation, endOf(span))
  }

  /** Leaves a hole where a superseded entry stood. @returns how many holes were taken out for it */
  bury ({ incarnation, clock }: Entry): number {
    const taken = this.#slots(incarnation).bury(clock)
    this.#holes += 1 - taken
    return taken
  }

  /** Takes all holes out. @returns how many */
  pack (): number {
    let taken = 0
    for (const incarnation of this.#stateVector.keys()) taken += this.#slots(incarnation).pack()
    this.#holes -= taken
    return taken
  }

  /**
   * Calls `visit` for each entry of an incarnation from `clock` on, in order, until it returns
   * false.
   */
  eachLive (incarnation: number, clock: number, visit: (entry: Entry) => boolean): void {
    if (clock < this.end(incarnation)) this.#slots(incarnation).each(clock, visit)
  }

  hasLive (incarnation: number): boolean {
    return this.#stateVector.has(incarnation) && !this.#slots(incarnation).isEmpty
  }

  /** The entries of an incarnation from `clock` on. */
  live (incarnation: number, clock: number): Entry[] {
    const found: Entry[] = []
    this.eachLive(incarnation, clock, entry => found.push(entry) > 0)
    return found
  }

  /**
   * Forgets an incarnation that owns nothing live. Its item leaves Yjs's list, in which only its
   * neighbours refer to it.
   */
  forget (incarnation: number): void {
    const item = this.#item(incarnation)
    if (item === null) return
    if (item.left === null) this.#root._start = item.right
    else item.left.right = item.right
    if (item.right !== null) item.right.left = item.left
    this.#root._length -= item.length
    this.#doc.store.clients.delete(incarnation)
    this.#stateVector.delete(incarnation)
  }

  #item (incarnation: number): Y.Item | null {
    return (this.#doc.store.clients.get(incarnation)?.[0] ?? null) as Y.Item | null
  }

  #slots (incarnation: number): Slots {
    return ((this.#item(incarnation) as Y.Item).content as EntryRun).slots
  }

  /** Frees the document. The log must not be used afterwards. */
  destroy (): void {
    this.#doc.destroy()
  }

  /** Yjs's own view of the log, for tests that compare it with ours. */
  get doc (): Y.Doc {
    return this.#doc
  }
}

function endOf (span: readonly Run[]): number {
  const { clock, length } = span[span.length - 1] as Run
  return clock + length
}
