/**
 * Millpond's side of the engine benchmark: a shard as it is used, with every check, versions, the
 * log and the canonical encoding.
 */
import { limits } from '../engine/limits.js'
import { HybridClock } from '../engine/base/hlc.js'
import { Shard } from '../engine/shard.js'
import { checkFields, checkKey, type Fields } from '../engine/base/values.js'
import type { BenchWrite } from './records.js'
import { clock, type Side } from './side.js'

export class MillpondSide implements Side {
  readonly #versions = new HybridClock(clock, limits)
  readonly #shard: Shard
  #deltas: Uint8Array[] = []

  constructor (incarnation: number) {
    this.#shard = new Shard({
      limits,
      shard: 0,
      incarnation,
      onDelta: (_, delta) => {
        this.#deltas.push(delta)
      },
      onEvent: event => {
        if (event.type !== 'compacted') throw new Error(`unexpected event ${event.type}`)
      }
    })
  }

  write (batch: readonly BenchWrite[]): Uint8Array[] {
    this.put(batch)
    this.#shard.flush()
    const deltas = this.#deltas
    this.#deltas = []
    return deltas
  }

  put (writes: readonly BenchWrite[]): void {
    for (const { key, fields } of writes) {
      const version = this.#versions.next()
      this.#shard.write({
        key: checkKey(key, limits),
        version,
        stamp: version,
        fields: checkFields(fields, limits)
      })
    }
  }

  flush (): void {
    this.#shard.flush()
    this.#deltas = []
  }

  merge (update: Uint8Array): void {
    const result = this.#shard.merge(update)
    if (result.outcome !== 'merged') throw new Error(`a delta was not merged: ${result.outcome}`)
    this.#versions.observe(result.maxVersion)
  }

  encodedBytes (): number {
    return this.#shard.encode().length
  }

  read (key: string): Fields | undefined {
    return this.#shard.get(key)
  }
}
