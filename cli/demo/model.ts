/**
 * The records as they must be after the events so far: a plain map with one rule, the later event
 * time wins per field. The demo holds everything it shows against this model, and counts with it
 * the records that wait for a consumer.
 *
 * A record waits for a consumer while a write that changed it is not part of what the consumer was
 * last shown. Only the model can count that honestly, because the consumer does not know yet what
 * it has not read.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Fields, Value } from '../../engine/base/values.js'

interface ModelRecord {
  readonly fields: Map<string, { at: number, value: Value }>
  /** The latest event time in it. */
  latestAt: number
}

export class Model {
  readonly #records = new Map<string, ModelRecord>()
  readonly #views: WaitingView[] = []

  get size (): number {
    return this.#records.size
  }

  /** A consumer, to which everything is still to be shown at first. */
  createView (): WaitingView {
    const view = new WaitingView((key, fields) => this.isCurrent(key, fields))
    this.#views.push(view)
    return view
  }

  /**
   * Takes an event, in the order of their puts. @returns whether it is later than all others of its
   * record
   */
  write (key: string, fields: Fields, at: number): boolean {
    let record = this.#records.get(key)
    if (record === undefined) this.#records.set(key, record = { fields: new Map(), latestAt: -1 })
    let isChanged = false
    for (const name in fields) {
      const value = fields[name] ?? null
      const before = record.fields.get(name)
      if (before !== undefined && before.at > at) continue
      isChanged = true
      if (before === undefined) record.fields.set(name, { at, value })
      else Object.assign(before, { at, value })
    }
    if (isChanged) { for (const view of this.#views) view.add(key) }
    if (at <= record.latestAt) return false
    record.latestAt = at
    return true
  }

  /** Whether a later event has set one of these fields of the record. */
  isSuperseded (key: string, fields: Fields, at: number): boolean {
    const record = this.#records.get(key)
    return record !== undefined &&
      Object.keys(fields).some(name => (record.fields.get(name)?.at ?? at) > at)
  }

  isCurrent (key: string, fields: Fields): boolean {
    const record = this.#records.get(key)
    if (record === undefined || record.fields.size !== Object.keys(fields).length) return false
    for (const [name, { value }] of record.fields) {
      const shown = fields[name]
      if (shown !== value && !isDeepStrictEqual(shown, value)) return false
    }
    return true
  }
}

export class WaitingView {
  readonly #isCurrent: (key: string, fields: Fields) => boolean
  readonly #waiting = new Set<string>()
  #largest = 0

  constructor (isCurrent: (key: string, fields: Fields) => boolean) {
    this.#isCurrent = isCurrent
  }

  /** Records that wait now. */
  get waiting (): number {
    return this.#waiting.size
  }
  /** The most that ever waited at once. */
  get largest (): number {
    return this.#largest
  }

  add (key: string): void {
    this.#waiting.add(key)
    if (this.#waiting.size > this.#largest) this.#largest = this.#waiting.size
  }

  /** The consumer was shown this record; a write since then keeps the record waiting. */
  shown (key: string, fields: Fields): void {
    if (this.#waiting.has(key) && this.#isCurrent(key, fields)) this.#waiting.delete(key)
  }
}
