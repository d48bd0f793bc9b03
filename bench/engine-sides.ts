/**
 * The three things the engine benchmark holds against each other, each doing the same work: take a batch of writes and
 * return what a peer needs, and merge what a peer sent.
 *
 *   millpond   the engine as it is used: every check, versions, the log, the canonical encoding
 *   yMap       a Y.Map, the obvious choice on Yjs: one transaction per batch, its update event on
 *   plainMap   a floor, not a choice: a last-writer-wins map with a version vector and one CBOR message per batch. It
 *              has no merge of fields, no deletes, no checks, and cannot tell anybody what changed
 */
import { Encoder } from 'cbor-x'
import * as Y from 'yjs'
import { HybridClock } from '../engine/hlc.js'
import { Shard } from '../engine/shard.js'
import { checkFields, checkKey, type Fields } from '../engine/values.js'
import type { BenchWrite } from './records.js'

export type SideName = 'millpond' | 'yMap' | 'plainMap'
export const SIDES: readonly SideName[] = ['millpond', 'yMap', 'plainMap']

export interface Side {
  /** Writes a batch and returns the messages a peer has to merge. */
  write(batch: readonly BenchWrite[]): Uint8Array[]
  merge(update: Uint8Array): void
  /** Size of everything a new peer would have to be sent. */
  encodedBytes(): number
  read(key: string): unknown
  /** How long each flush of a batch took, where there is such a thing. */
  readonly flushMs?: readonly number[]
  /** Those that also compacted the log. */
  readonly compactingFlushMs?: readonly number[]
}

const clock = { wallMs: () => performance.timeOrigin + performance.now(), monotonicMs: () => performance.now() }

class MillpondSide implements Side {
  readonly flushMs: number[] = []
  readonly compactingFlushMs: number[] = []
  readonly #versions = new HybridClock(clock)
  readonly #shard: Shard
  #deltas: Uint8Array[] = []
  #compacted = false

  constructor (incarnation: number) {
    this.#shard = new Shard({
      shard: 0,
      incarnation,
      onDelta: (_, delta) => { this.#deltas.push(delta) },
      onEvent: event => {
        if (event.type !== 'compacted') throw new Error(`unexpected event ${event.type}`)
        this.#compacted = true
      }
    })
  }

  write (batch: readonly BenchWrite[]): Uint8Array[] {
    for (const { key, fields } of batch) {
      const version = this.#versions.next()
      this.#shard.write({ key: checkKey(key), version, stamp: version, fields: checkFields(fields) })
    }
    this.#compacted = false
    const startMs = performance.now()
    this.#shard.flush()
    const flushes = this.#compacted ? this.compactingFlushMs : this.flushMs
    flushes.push(performance.now() - startMs)
    const deltas = this.#deltas
    this.#deltas = []
    return deltas
  }

  merge (update: Uint8Array): void {
    const result = this.#shard.merge(update)
    if (result.outcome !== 'merged') throw new Error(`a delta was not merged: ${result.outcome}`)
    this.#versions.observe(result.maxVersion)
  }

  encodedBytes (): number { return this.#shard.encode().length }

  read (key: string): unknown { return this.#shard.get(key) }
}

class YMapSide implements Side {
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
    this.#doc.transact(() => {
      for (const { key, fields } of batch) this.#map.set(key, fields)
    })
    const updates = this.#updates
    this.#updates = []
    return updates
  }

  merge (update: Uint8Array): void { Y.applyUpdate(this.#doc, update, this) }

  encodedBytes (): number { return Y.encodeStateAsUpdate(this.#doc).length }

  read (key: string): unknown { return this.#map.get(key) }
}

interface PlainRecord { version: number, writer: number, fields: Fields }
type PlainMessage = readonly [writer: number, end: number, records: readonly (readonly [key: string, version: number, fields: Fields])[]]

class PlainMapSide implements Side {
  readonly #records = new Map<string, PlainRecord>()
  readonly #versionVector = new Map<number, number>()
  readonly #versions = new HybridClock(clock)
  readonly #cbor = new Encoder({ useRecords: false })
  readonly #writer: number

  constructor (incarnation: number) { this.#writer = incarnation }

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
    const all = [...this.#records].map(([key, { version, fields }]) => [key, version, fields] as const)
    return this.#cbor.encode([this.#writer, this.#versionVector.get(this.#writer) ?? 0, all] satisfies PlainMessage).length
  }

  read (key: string): unknown { return this.#records.get(key)?.fields }
}

const CREATE: { readonly [side in SideName]: (incarnation: number) => Side } = {
  millpond: incarnation => new MillpondSide(incarnation),
  yMap: incarnation => new YMapSide(incarnation),
  plainMap: incarnation => new PlainMapSide(incarnation)
}

export function createSide (name: SideName, incarnation: number): Side {
  return CREATE[name](incarnation)
}
