/**
 * The sides that Millpond is held against in the engine benchmark.
 *
 *   Y.Map       one transaction per batch, its update event on
 *   plain map   a last-writer-wins map with a version vector and one CBOR message per batch. It has
 *               no merge of fields, no deletes, no checks, and cannot tell which records changed
 *   bare map    no versions and no messages either
 */
import { limits } from '../engine/limits.js'
import { Encoder } from 'cbor-x'
import * as Y from 'yjs'
import { HybridClock } from '../engine/base/hlc.js'
import type { Fields } from '../engine/base/values.js'
import type { BenchWrite } from './records.js'
import { clock, type Side } from './side.js'

export class YMapSide implements Side {
  readonly #doc = new Y.Doc()
  readonly #map: Y.Map<Fields> = this.#doc.getMap('records')
  #updates: Uint8Array[] = []

  constructor (incarnation: number) {
    this.#doc.clientID = incarnation
    this.#doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== this) this.#updates.push(update)
    })
  }

  write (batch: readonly BenchWrite[]): Uint8Array[] {
    this.put(batch)
    const updates = this.#updates
    this.#updates = []
    return updates
  }

  /** A transaction ends with its encoding: there is no putting without. */
  put (writes: readonly BenchWrite[]): void {
    this.#doc.transact(() => {
      for (const { key, fields } of writes) this.#map.set(key, fields)
    })
  }

  flush (): void {
    this.#updates = []
  }

  merge (update: Uint8Array): void {
    Y.applyUpdate(this.#doc, update, this)
  }

  encodedBytes (): number {
    return Y.encodeStateAsUpdate(this.#doc).length
  }

  read (key: string): Fields | undefined {
    return this.#map.get(key)
  }
}

interface PlainRecord {
  version: number
  writer: number
  fields: Fields
}
type PlainMessage = readonly [
  writer: number,
  end: number,
  records: readonly (readonly [key: string, version: number, fields: Fields])[]
]

export class PlainMapSide implements Side {
  readonly #records = new Map<string, PlainRecord>()
  readonly #versionVector = new Map<number, number>()
  readonly #versions = new HybridClock(clock, limits)
  readonly #cbor = new Encoder({ useRecords: false })
  readonly #writer: number

  constructor (incarnation: number) {
    this.#writer = incarnation
  }

  write (batch: readonly BenchWrite[]): Uint8Array[] {
    const sent = batch.map(({ key, fields }) => {
      const version = this.#versions.next()
      this.#admit(key, version, this.#writer, { ...fields })
      return [key, version, fields] as const
    })
    const end = (this.#versionVector.get(this.#writer) ?? 0) + batch.length
    this.#versionVector.set(this.#writer, end)
    return [Uint8Array.from(this.#cbor.encode([this.#writer, end, sent] satisfies PlainMessage))]
  }

  put (writes: readonly BenchWrite[]): void {
    for (const { key, fields } of writes) {
      this.#admit(key, this.#versions.next(), this.#writer, { ...fields })
    }
  }

  flush (): void {}

  merge (update: Uint8Array): void {
    const [writer, end, records] = this.#cbor.decode(update) as PlainMessage
    for (const [key, version, fields] of records) this.#admit(key, version, writer, fields)
    this.#versionVector.set(writer, Math.max(end, this.#versionVector.get(writer) ?? 0))
  }

  #admit (key: string, version: number, writer: number, fields: Fields): void {
    const known = this.#records.get(key)
    if (known === undefined) this.#records.set(key, { version, writer, fields })
    else if (known.version < version || (known.version === version && known.writer < writer)) {
      known.version = version
      known.writer = writer
      known.fields = fields
    }
  }

  encodedBytes (): number {
    const all = [...this.#records].map(([key, { version, fields }]) =>
      [key, version, fields] as const
    )
    return this.#cbor.encode(
      [this.#writer, this.#versionVector.get(this.#writer) ?? 0, all] satisfies PlainMessage
    ).length
  }

  read (key: string): Fields | undefined {
    return this.#records.get(key)?.fields
  }
}

export class BareMapSide implements Side {
  readonly #records = new Map<string, Fields>()

  write (batch: readonly BenchWrite[]): Uint8Array[] {
    this.put(batch)
    return []
  }

  put (writes: readonly BenchWrite[]): void {
    for (const { key, fields } of writes) this.#records.set(key, fields)
  }

  flush (): void {}

  merge (): void {
    throw new Error('a bare map has nothing to merge')
  }

  encodedBytes (): number {
    return new Encoder({ useRecords: false }).encode([...this.#records]).length
  }

  read (key: string): Fields | undefined {
    return this.#records.get(key)
  }
}
