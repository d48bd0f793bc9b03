/**
 * Histories as data: what some replicas write, flush, hear, mend, compact and restart, in an order
 * that fast-check draws and shrinks. To add a kind of write, add a line to OPERATIONS and say in
 * log-oracle.ts what its entry means; every property then covers it.
 *
 * Versions are few, so that they collide and lie behind what is there. A stamp belongs to one write
 * and its retries, unless a history is played with stamps that collide, as those of two writers
 * with the same clock may. Drawn stamps are multiples of ten and ends of fields lie between them,
 * because that is the stamp with which an expired field is unset.
 */
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { KindError } from '../../engine/errors.js'
import type { Shard } from '../../engine/shard.js'
import type { Fields } from '../../engine/base/values.js'
import { LogOracle } from './log/log-oracle.js'
import { del, dump, openShardWithClock, put, replace, smallChunks,
  type TestShard } from './shards.js'

type Write = Parameters<Shard['write']>[0]
interface Stamped {
  readonly version: number
  readonly stamp: number
}

const REPLICAS = 3
/** Where versions, stamps and the clock that all replicas read begin. */
const START = 100
const names = fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 })
const key = fc.constantFrom('k1', 'k2', 'k3', '__proto__', 't1')
const value = fc.oneof({ weight: 3, arbitrary: fc.nat(9) }, {
  weight: 1,
  arbitrary: fc.constantFrom(null, true, '', 'text', [1, { x: [] }], { y: 0.5 })
})
const fields: fc.Arbitrary<Fields> = fc.tuple(names, value).map(([all, same]) =>
  Object.fromEntries(all.map((name, i) => [name, i === 0 ? same : i]))
)

/**
 * Records in which fields are counters, sets and so on; deletes and replacements meet them too, for
 * `key` is drawn from all.
 */
const typedKey = fc.constantFrom('t1', 't2')
const field = fc.constantFrom('n', 's', 'a')
const small = fc.integer({ min: -3, max: 3 }).map(by => by === 0 ? 1 : by)
const element = fc.constantFrom('red', 'blue', 1)

function operate (
  k: string,
  { version, stamp }: Stamped,
  one: NonNullable<Write['operations']>[number]
): Write {
  return { key: k, version, stamp, fields: null, operations: [one] }
}

/** A kind of write: what is drawn for it, and the write it makes once it is stamped. */
interface Operation<Data> {
  readonly weight: number
  readonly data: fc.Arbitrary<Data>
  readonly write: (data: Data, stamped: Stamped) => Write
}
const operation = <Data>(one: Operation<Data>): Operation<Data> => one

const OPERATIONS = {
  put: operation({
    weight: 6,
    data: fc.record({ key, fields }),
    write: ({ key: k, fields: f }, { version, stamp }) => put(k, version, f, stamp)
  }),
  replace: operation({
    weight: 2,
    data: fc.record({ key, fields }),
    write: ({ key: k, fields: f }, { version, stamp }) => replace(k, version, f, stamp)
  }),
  delete: operation({
    weight: 2,
    data: fc.record({ key }),
    write: ({ key: k }, { version, stamp }) => del(k, version, stamp)
  }),
  unset: operation({
    weight: 1,
    data: fc.record({
      key,
      fields,
      gone: fc.subarray(['a', 'b', 'c', 'd', 'n', 's'], { minLength: 1 })
    }),
    write: ({ key: k, fields: f, gone }, stamped) => ({
      key: k,
      ...stamped,
      fields: { ...f, ...Object.fromEntries(gone.map(name => [name, undefined])) }
    })
  }),
  expiring: operation({
    weight: 1,
    data: fc.record({ key, fields, expires: fc.nat(60).map(n => START + 10 * n + 5) }),
    write: ({ key: k, fields: f, expires }, stamped) => ({ key: k, ...stamped, fields: f, expires })
  }),
  increment: operation({
    weight: 1,
    data: fc.record({ key: typedKey, field, by: small }),
    write: ({ key: k, field: f, by }, stamped) =>
      operate(k, stamped, { kind: 'increment', field: f, by })
  }),
  add: operation({
    weight: 1,
    data: fc.record({ key: typedKey, field, element }),
    write: ({ key: k, field: f, element: e }, stamped) =>
      operate(k, stamped, { kind: 'add', field: f, element: e })
  }),
  remove: operation({
    weight: 1,
    data: fc.record({ key: typedKey, field, element }),
    write: ({ key: k, field: f, element: e }, stamped) =>
      operate(k, stamped, { kind: 'remove', field: f, element: e })
  }),
  min: operation({
    weight: 1,
    data: fc.record({ key: typedKey, field, by: small }),
    write: ({ key: k, field: f, by }, stamped) =>
      operate(k, stamped, { kind: 'min', field: f, value: by })
  }),
  max: operation({
    weight: 1,
    data: fc.record({ key: typedKey, field, by: small }),
    write: ({ key: k, field: f, by }, stamped) =>
      operate(k, stamped, { kind: 'max', field: f, value: by })
  }),
  sequenced: operation({
    weight: 1,
    data: fc.record({ key: typedKey, field, by: fc.nat(5) }),
    write: ({ key: k, field: f, by }, stamped) =>
      operate(k, stamped, { kind: 'sequenced', field: f, sequence: by, value: by })
  })
}
type Kind = keyof typeof OPERATIONS

interface DrawnWrite {
  readonly kind: Kind
  readonly data: unknown
}
const write: fc.Arbitrary<DrawnWrite> = fc.oneof(
  ...Object.entries(OPERATIONS).map(([kind, { weight, data }]) => ({
    weight,
    arbitrary: fc.record({ kind: fc.constant(kind as Kind), data: data as fc.Arbitrary<unknown> })
  }))
)

const replica = fc.nat(REPLICAS - 1)
const STEPS = {
  /** `late`: how far its version lies behind; `again`: who is given the same write once more. */
  write: {
    weight: 12,
    step: fc.record({
      at: replica,
      write,
      late: fc.oneof(fc.constant(0), fc.nat(8)),
      keepLoser: fc.boolean(),
      again: fc.option(replica, { freq: 6 })
    })
  },
  flush: { weight: 3, step: fc.record({ at: replica }) },
  /** One of the deltas that were sent so far, whether it came before or is too early. */
  hear: { weight: 8, step: fc.record({ at: replica, which: fc.nat(40) }) },
  /** The part of the other replica that this one lacks. */
  mend: { weight: 3, step: fc.record({ at: replica, from: replica }) },
  /** The whole of the other replica. */
  copy: { weight: 1, step: fc.record({ at: replica, from: replica }) },
  compact: { weight: 1, step: fc.record({ at: replica }) },
  /** The clock goes on, or back. */
  pass: { weight: 1, step: fc.record({ at: replica, by: fc.integer({ min: -10, max: 30 }) }) },
  expire: { weight: 2, step: fc.record({ at: replica }) },
  /** Flushed writes survive, buffered ones need not; the process gets a new id. */
  restart: { weight: 1, step: fc.record({ at: replica }) }
}
type StepOf<Kinds extends keyof typeof STEPS> = {
  [K in Kinds]:
    & { readonly do: K }
    & (typeof STEPS[K]['step'] extends fc.Arbitrary<infer T> ? T : never)
}[Kinds]
export type Step = StepOf<keyof typeof STEPS>

export const histories: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    ...Object.entries(STEPS).map(([what, { weight, step }]) => ({
      weight,
      arbitrary: (step as fc.Arbitrary<object>).map(drawn => ({ do: what, ...drawn }) as Step)
    }))
  ),
  { maxLength: 80, size: 'max' }
)

/** The outcome of a history. */
export interface Outcome {
  readonly shards: readonly TestShard[]
  /** Every delta ever emitted, in the order of emission. */
  readonly deltas: readonly Uint8Array[]
  readonly oracle: LogOracle
}

/**
 * @throws Error when a replica ever holds something else than the oracle, or refuses what another
 * one sent
 */
export function play (steps: readonly Step[], stampsCollide = false): Outcome {
  const oracle = new LogOracle()
  const deltas: Uint8Array[] = []
  let lives = 0
  let now = START
  const open = (): TestShard =>
    openShardWithClock((++lives * 0x9e3779b1) >>> 0, () => now, smallChunks)
  const shards = Array.from({ length: REPLICAS }, open)
  const shardAt = (at: number): TestShard => shards[at] as TestShard
  /** Takes what a shard emitted, and holds what it reads against the oracle. */
  const settle = (shard: TestShard): void => {
    const seen = shard.stateVector
    for (const delta of shard.deltas.splice(0)) {
      oracle.add(delta)
      deltas.push(delta)
    }
    const expected = oracle.records(seen, now)
    const found = dump(shard)
    if (!isDeepStrictEqual(found, expected)) {
      throw new Error(
        `it reads ${JSON.stringify(found)} where the oracle reads ${JSON.stringify(expected)}`
      )
    }
  }
  const merge = (shard: TestShard, update: Uint8Array, allowed: readonly string[]): void => {
    const { outcome } = shard.merge(update)
    if (!allowed.includes(outcome)) throw new Error(`an honest update is ${outcome}`)
    settle(shard)
  }
  steps.forEach((step, i) => {
    const shard = shardAt(step.at)
    switch (step.do) {
      case 'write': {
        const { kind, data } = step.write
        const stamped = {
          version: START + (i >> 2) - step.late,
          stamp: START + 10 * (stampsCollide ? i >> 3 : i)
        }
        const made = (OPERATIONS[kind] as Operation<unknown>).write(data, stamped)
        for (const at of step.again === null ? [step.at] : [step.at, step.again]) {
          try {
            shardAt(at).write(made, step.keepLoser)
          } catch (error) {
            // a field used as another kind than it is: nothing changed
            if (!(error instanceof KindError)) throw error
          }
        }
        break
      }
      case 'flush':
        shard.flush()
        settle(shard)
        break
      case 'hear': {
        const delta = deltas[step.which % Math.max(1, deltas.length)]
        if (delta !== undefined) merge(shard, delta, ['merged', 'known', 'gap'])
        break
      }
      case 'mend':
      case 'copy': {
        const from = shardAt(step.from)
        const update = from.encode(step.do === 'mend' ? shard.stateVector : undefined)
        settle(from)
        merge(shard, update, ['merged', 'known'])
        break
      }
      case 'compact':
        shard.compact()
        settle(shard)
        break
      case 'pass':
        now = Math.max(START, now + 10 * step.by)
        settle(shard)
        break
      case 'expire':
        shard.expire()
        settle(shard)
        break
      case 'restart': {
        const stored = shard.encode()
        settle(shard)
        shards[step.at] = open()
        shardAt(step.at).merge(stored)
        settle(shardAt(step.at))
        break
      }
    }
  })
  shards.forEach(settle)
  return { shards, deltas, oracle }
}
