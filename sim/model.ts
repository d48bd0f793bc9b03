/**
 * The truth as the simulation knows it, in plain maps: every write that was submitted, and the
 * answer its writer got.
 *
 * A write's value names the write itself, so any value that shows up anywhere can be traced to its
 * write. Writes of one key have a known order (`order`), which workloads derive from event times or
 * from the program of one writer.
 *
 *   guaranteed   acknowledged, and fewer machines that may have held the write lost their data
 *                than there were replicas of it
 *   possible     submitted, unless its writer was told that nothing changed
 *
 * A record is right when each of its fields shows a possible write that is not older than any
 * guaranteed one.
 */
import type { Fields } from '../engine/base/values.js'
import { demandOf, textOf, type WriteConcern } from '../replication/deltas/write-concern.js'
import { kindOfKey } from './fields/field-op.js'
import { FieldsModel, type Certain } from './fields/model.js'

export interface Op {
  readonly id: number
  /** `cluster/cache`. */
  readonly place: string
  readonly key: string
  /** The fields it sets; null for a delete. */
  readonly fields: readonly string[] | null
  readonly value: string
  readonly order: number
  readonly concern: WriteConcern
  /** Replicas that must hold the write before it is acknowledged. */
  readonly needed: number
  readonly submittedMs: number
  ackedMs: number | undefined
  outcome: 'open' | 'acked' | 'unchanged' | 'unknown'
  /** The error of a write that failed. */
  error?: string
}

/**
 * A crash or a broken disk, which may have cost a machine every write it took from `fromMs` to
 * `atMs`.
 */
export interface Loss {
  readonly place: string
  readonly machine: string
  readonly fromMs: number
  readonly atMs: number
  /** Whether durable writes are lost too. */
  readonly destroyed: boolean
}

export class Model {
  readonly ops: Op[] = []
  losses: Loss[] = []
  /** Fields that are more than registers have keys of their own. */
  readonly fields = new FieldsModel(op => this.isGuaranteed(op))
  readonly #byKey = new Map<string, Map<string, Op[]>>()
  readonly #kept = new Map<string, Op[]>()

  submit (op: Omit<Op, 'id' | 'value' | 'ackedMs' | 'outcome'>, padding = 0): Op {
    const id = this.ops.length
    const full: Op = {
      ...op,
      id,
      value: padding > 0 ? `${id}:${'x'.repeat(padding)}` : String(id),
      ackedMs: undefined,
      outcome: 'open'
    }
    this.ops.push(full)
    let keys = this.#byKey.get(op.place)
    if (keys === undefined) this.#byKey.set(op.place, keys = new Map<string, Op[]>())
    const ofKey = keys.get(op.key)
    if (ofKey === undefined) keys.set(op.key, [full])
    else ofKey.push(full)
    return full
  }

  keys (place: string): string[] {
    return [...this.#byKey.get(place)?.keys() ?? [], ...this.fields.keys(place)]
  }
  of (place: string, key: string): readonly Op[] {
    return this.#byKey.get(place)?.get(key) ?? []
  }

  /** Notes that every holder has this write, to a record that is never deleted. */
  keep (op: Op): void {
    const kept = this.#kept.get(op.place)
    if (kept === undefined) this.#kept.set(op.place, [op])
    else kept.push(op)
  }
  kept (place: string): readonly Op[] {
    return this.#kept.get(place) ?? []
  }

  /** The write a value came from, or undefined when no write has this value. */
  opOf (value: unknown): Op | undefined {
    if (typeof value !== 'string') return undefined
    const op = this.ops[Number.parseInt(value, 10)]
    return op?.value === value ? op : undefined
  }

  /** What seemed lost is there again. */
  returned (losses: readonly Loss[]): void {
    this.losses = this.losses.filter(loss => !losses.includes(loss))
  }

  isGuaranteed (op: Parameters<Certain>[0]): boolean {
    const { ackedMs } = op
    if (op.outcome !== 'acked' || ackedMs === undefined) return false
    const lost = new Set<string>()
    const { isDurable } = demandOf(op.concern, op.needed)
    for (const { place, machine, fromMs, atMs, destroyed } of this.losses) {
      if (place !== op.place || ackedMs < fromMs || op.submittedMs > atMs) continue
      if (destroyed || !isDurable) lost.add(machine)
    }
    return lost.size < op.needed
  }

  /**
   * The mistake in a record as it is seen now, or null. `final`: no message is under way any more.
   */
  judge (place: string, key: string, fields: Fields | undefined, final: boolean): string | null {
    if (kindOfKey(key) !== undefined) return this.fields.judge(place, key, fields, final)
    const ops = this.of(place, key)
    if (ops.length === 0) return `${place} has a key ${key} that was never written there`
    const shown = new Map<string, Op>()
    for (const [field, value] of Object.entries(fields ?? {})) {
      const op = this.opOf(value)
      if (op === undefined) {
        return `${key}.${field} shows a value that was never written: ${
          JSON.stringify(value)?.slice(0, 80)
        }`
      }
      if (op.place !== place || op.key !== key || op.fields?.includes(field) !== true) {
        return `${key}.${field} in ${place} shows what was written to ${op.place} ${op.key} (${
          describe(op)
        })`
      }
      if (final && op.outcome === 'unchanged') {
        return `${key}.${field} shows a write whose writer was told that nothing changed: ${
          describe(op)
        }`
      }
      shown.set(field, op)
    }
    if (!final) return null
    const guaranteed = ops.filter(op => this.isGuaranteed(op))
    const deletes = ops.filter(op => op.fields === null && op.outcome !== 'unchanged')
    const fieldNames = new Set(ops.flatMap(op => op.fields ?? []))
    for (const field of fieldNames) {
      const op = shown.get(field)
      for (const sure of guaranteed) {
        if (sure.fields !== null && !sure.fields.includes(field)) continue
        if (op !== undefined) {
          if (op.order < sure.order) {
            return sure.fields === null
              ? `${key}.${field} came back: it shows ${describe(op)}, deleted by ${describe(sure)}`
              : `${key}.${field} shows the stale ${describe(op)} instead of ${describe(sure)}`
          }
        } else if (sure.fields !== null && !deletes.some(({ order }) => order > sure.order)) {
          return `${key}.${field} is missing: ${
            describe(sure)
          } was acknowledged, and nothing deleted it`
        }
      }
    }
    return null
  }
}

export function describe (op: Op): string {
  const acked = op.ackedMs === undefined ? op.outcome : `acked at ${op.ackedMs.toFixed(1)}`
  return `${op.fields === null ? 'delete' : 'write'} ${op.id} (order ${op.order}, concern ${
    textOf(op.concern)
  }, submitted at ${op.submittedMs.toFixed(1)}, ${acked}${
    op.error === undefined ? '' : `: ${op.error}`
  })`
}
