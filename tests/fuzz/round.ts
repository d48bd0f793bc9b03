/**
 * One round: a shard that writes and hears of its peers is given mutated updates, one after the
 * other, so that each meets what those before it left behind. After each of them these hold:
 *
 *   always            nothing was thrown; only a refusal is counted, and each is
 *   unless merged     state vector, digest, canonical bytes and records are what they were
 *   when merged       the shard is whole, inside and as Yjs sees it; bounds hold; a new shard reads
 *                     the same from its bytes
 *   twin              a shard that was given the same ended the same, whatever was compacted when
 *   control           a shard that was spared everything but what was merged ended the same: a
 *                     refusal leaves no poison
 */
import { isDeepStrictEqual } from 'node:util'
import { limits } from '../../engine/limits.js'
import { entriesOf } from '../../engine/record/record.js'
import type { Shard } from '../../engine/shard.js'
import { SimRandom } from '../../sim/random.js'
import { assertWhole, dump, openSmallChunkedShard, type TestShard } from '../engine/shards.js'
import { mutations } from './mutations.js'
import { drawIncarnation, drawUpdates, writeSomething, type Material } from './world.js'

export const TRIALS_PER_ROUND = 50

export interface Trial {
  readonly mutation: string
  readonly outcome: string
  readonly ms: number
  readonly update: Uint8Array
}

export interface RoundResult {
  readonly trials: readonly Trial[]
  readonly problem?: string
}

const yes = {
  deepEqual: (a: unknown, b: unknown, what = 'whole') =>
    demand(isDeepStrictEqual(a, b), `${what}: ${JSON.stringify(a)}`),
  is: (a: unknown, b: unknown, what = 'whole') =>
    demand(a === b, `${what}: ${String(a)} is not ${String(b)}`)
}

export function demand (holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}

interface State {
  readonly vector: ReadonlyMap<number, number>
  readonly digest: string
  readonly bytes: Uint8Array
  readonly records: unknown
}

function stateOf (shard: Shard): State {
  return {
    vector: new Map(shard.stateVector),
    digest: shard.digest,
    bytes: shard.encode(),
    records: dump(shard)
  }
}

function demandEqual (a: State, b: State, what: string): void {
  for (const part of ['vector', 'digest', 'bytes', 'records'] as const) {
    demand(isDeepStrictEqual(a[part], b[part]), `${what}: the ${part} differ`)
  }
}

/** An entry that no writer could have written must not be there, however well it merges. */
function demandBounds ({ index, stateVector }: Shard): void {
  for (const clock of stateVector.values()) {
    demand(Number.isSafeInteger(clock) && clock <= 2 ** 48, `a clock of ${clock}`)
  }
  for (const [key, head] of index) {
    demand(key.length > 0 && key.length <= limits.maxKeyBytes, `a key of ${key.length} characters`)
    for (const { fields } of entriesOf(head)) {
      demand(
        Object.keys(fields).length <= limits.maxFieldsPerRecord,
        `${Object.keys(fields).length} fields in one entry`
      )
    }
  }
}

class Round {
  readonly trials: Trial[] = []
  readonly #random: SimRandom
  readonly #own: number
  readonly #writers: readonly number[]
  readonly #updates: readonly Uint8Array[]
  readonly #live: TestShard
  readonly #twin: TestShard
  readonly #control: TestShard
  #before: State
  #stamp = 1000

  constructor (random: SimRandom) {
    this.#random = random
    const [own = 0, ...writers] = [1, 2, 3, 4].map(() => drawIncarnation(random))
    this.#own = own
    this.#writers = writers
    this.#updates = drawUpdates(random, writers)
    this.#live = openSmallChunkedShard(own)
    this.#twin = openSmallChunkedShard(own)
    this.#control = openSmallChunkedShard(own)
    this.#before = stateOf(this.#live)
  }

  get #all (): readonly TestShard[] {
    return [this.#live, this.#twin, this.#control]
  }

  run (): void {
    for (let trial = 0; trial < TRIALS_PER_ROUND; trial++) {
      this.#meanwhile()
      this.#try()
    }
    for (const update of this.#updates) {
      const [outcome, ...others] = this.#all.map(shard => shard.merge(update).outcome)
      demand(
        others.every(other => other === outcome),
        `an honest update is ${outcome} and ${others.join(' and ')}`
      )
    }
    this.#before = stateOf(this.#live)
    demandEqual(stateOf(this.#twin), this.#before, 'the twin, after honest updates')
    demandEqual(stateOf(this.#control), this.#before, 'the control, after honest updates')
  }

  /** The work of an honest shard between two updates. */
  #meanwhile (): void {
    const random = this.#random
    if (random.chance(0.3)) {
      const write = random.uint32()
      this.#stamp++
      for (const shard of this.#all) writeSomething(new SimRandom(write), shard, this.#stamp)
    }
    if (random.chance(0.1)) {
      const update = random.pick(this.#updates)
      for (const shard of this.#all) shard.merge(update)
    }
    // All are flushed at the same moment: an entry that is superseded before is never logged.
    for (const shard of this.#all) shard.flush()
    if (random.chance(0.05)) this.#live.compact()
    if (random.chance(0.05)) this.#twin.compact()
    this.#before = stateOf(this.#live)
    demandEqual(stateOf(this.#twin), this.#before, 'the twin')
    for (const { events } of this.#all) events.length = 0
  }

  #try (): void {
    const mutation = this.#random.pick(mutations)
    const material: Material = {
      random: this.#random,
      updates: this.#updates,
      seen: this.#live.stateVector,
      own: this.#own,
      writers: this.#writers
    }
    const update = mutation.mutate(material)
    const trial = { mutation: mutation.name, outcome: 'threw', ms: 0, update }
    this.trials.push(trial)
    const started = performance.now()
    const used = process.cpuUsage()
    const result = this.#live.merge(update)
    const { outcome } = result
    const { user, system } = process.cpuUsage(used)
    // On a busy machine most of the time passes while other processes run.
    trial.ms = Math.min(performance.now() - started, (user + system) / 1000)
    trial.outcome = outcome
    const refusals = this.#live.events.filter(({ type }) => type === 'update-refused').length
    // An entry of a newer release has an event of its own, which is not told each time.
    const isCounted = result.outcome === 'refused' && result.newer === undefined
    demand(
      refusals === (isCounted ? 1 : 0),
      `${outcome}, and ${refusals} refusals were counted`
    )

    // A message is a view of a larger buffer, which is used again: the bytes around it are no
    // part of it, and the shard must keep no view of it.
    const buffer = Uint8Array.from({ length: update.length + 64 }, () => 0x61)
    buffer.set(update, 32)
    const same = this.#twin.merge(buffer.subarray(32, 32 + update.length)).outcome
    buffer.fill(0)
    demand(same === outcome, `${outcome}, and ${same} by the twin`)

    const after = stateOf(this.#live)
    if (outcome === 'merged') {
      this.#control.merge(update)
      assertWhole(yes, this.#live)
      demand(
        after.vector.get(this.#own) === this.#before.vector.get(this.#own),
        'it has entries of its own that it never wrote'
      )
      demandBounds(this.#live)
      let reader = drawIncarnation(this.#random)
      while (after.vector.has(reader)) reader++
      const fresh = openSmallChunkedShard(reader)
      fresh.merge(after.bytes)
      demandEqual(stateOf(fresh), after, 'a new shard that is given the bytes')
      demandEqual(stateOf(this.#twin), after, 'the twin')
      demandEqual(stateOf(this.#control), after, 'the control')
    } else {
      demandEqual(after, this.#before, `${outcome}, and it changed`)
      demandEqual(stateOf(this.#twin), this.#before, `${outcome}, and the twin changed`)
    }
    this.#before = after
  }
}

/** Never throws: a problem found is returned, with the trial it was found in as the last one. */
export function runRound (seed: number, round: number): RoundResult {
  const run = new Round(new SimRandom(seed).fork(`updates ${round}`))
  try {
    run.run()
    return { trials: run.trials }
  } catch (error) {
    return {
      trials: run.trials,
      problem: error instanceof Error ? error.stack ?? error.message : String(error)
    }
  }
}
