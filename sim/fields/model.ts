/**
 * The truth about fields that are more than registers: the operations on each key, and the judges
 * that say how its record may read after them. The model of the register workloads (sim/model.ts)
 * passes on all keys of these kinds.
 */
import type { Fields } from '../../engine/base/values.js'
import { judgeBounds } from './bounds.js'
import { judgeCounters, judgeOwnCounter } from './counters.js'
import { judgeDated } from './dated.js'
import { judgeEnded } from './ended.js'
import { kindOfKey, type Bodies, type FieldKey, type FieldOp, type Judge } from './field-op.js'
import { judgeSequenced } from './sequenced.js'
import { judgeSets } from './sets.js'

const JUDGES: { readonly [K in FieldKey]: Judge<K> } = {
  counter: judgeCounters,
  own: judgeOwnCounter,
  set: judgeSets,
  bound: judgeBounds,
  sequenced: judgeSequenced,
  dated: judgeDated,
  ended: judgeEnded
}

/** Says of an operation whether it was acknowledged and is certain to survive. */
export type Certain = (
  op: Pick<FieldOp, 'place' | 'concern' | 'needed' | 'submittedMs' | 'ackedMs' | 'outcome'>
) => boolean

export class FieldsModel {
  readonly ops: FieldOp[] = []
  /** Where a node was alone while its clock was far ahead: what lasts may have ended there. */
  readonly endsEarly = new Set<string>()
  readonly #byKey = new Map<string, Map<string, FieldOp[]>>()
  readonly #ended = new Map<string, readonly string[]>()
  readonly #isGuaranteed: Certain
  /**
   * Per place and key the record that was judged last, and found right: most records have not
   * changed since.
   */
  readonly #judged = new Map<string, string>()

  constructor (isGuaranteed: Certain) {
    this.#isGuaranteed = isGuaranteed
  }

  submit<K extends FieldKey> (
    op: Pick<FieldOp<K>, 'place' | 'key' | 'concern' | 'needed' | 'submittedMs'> & {
      readonly body: Bodies[K]
    }
  ): FieldOp<K> {
    const full: FieldOp<K> = {
      ...op,
      id: this.ops.length,
      ackedMs: undefined,
      endedMs: undefined,
      outcome: 'open'
    }
    this.ops.push(full)
    let keys = this.#byKey.get(op.place)
    if (keys === undefined) this.#byKey.set(op.place, keys = new Map<string, FieldOp[]>())
    const ofKey = keys.get(op.key)
    if (ofKey === undefined) keys.set(op.key, [full])
    else ofKey.push(full)
    return full
  }

  keys (place: string): string[] {
    return [...this.#byKey.get(place)?.keys() ?? []]
  }

  of<K extends FieldKey> (place: string, key: string): ReadonlyArray<FieldOp<K>> {
    return (this.#byKey.get(place)?.get(key) ?? []) as Array<FieldOp<K>>
  }

  /** Notes that every holder knows of the end of this record: operations go on with it. */
  end (place: string, key: string): void {
    this.#ended.set(place, [...this.ended(place), key])
  }
  ended (place: string): readonly string[] {
    return this.#ended.get(place) ?? []
  }

  get guaranteed (): number {
    return this.ops.filter(op => this.#isGuaranteed(op)).length
  }

  /** The records that no reader can have taken for ended. */
  lasting (place: string, records: ReadonlyMap<string, Fields>): ReadonlyMap<string, Fields> {
    if (!this.endsEarly.has(place)) return records
    return new Map([...records].filter(([key]) => kindOfKey(key) !== 'dated'))
  }

  /**
   * The mistake in a record as it is seen now, or null. `final`: no message is under way any more.
   */
  judge (place: string, key: string, fields: Fields | undefined, final: boolean): string | null {
    const ops = this.of(place, key)
    const judge = JUDGES[kindOfKey(key) as FieldKey] as Judge<FieldKey> | undefined
    if (ops.length === 0 || judge === undefined) {
      return `${place} has a key ${key} that was never written there`
    }
    const id = `${place} ${key}`
    const seen = JSON.stringify(fields ?? null)
    if (!final && this.#judged.get(id) === seen) return null
    const sure = new Set(final ? ops.filter(op => this.#isGuaranteed(op)) : [])
    const problem = judge(fields ?? {}, { ops, sure, final, endsEarly: this.endsEarly.has(place) })
    if (problem !== null) return `${key}: ${problem}; it reads as ${seen.slice(0, 200)}`
    this.#judged.set(id, seen)
    return null
  }
}
