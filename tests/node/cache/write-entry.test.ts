/** The way a write takes from where it enters, and the answer its writer gets. */
import { limits } from '../../../engine/limits.js'
import test from 'ava'
import { KindError, OutcomeUnknownError, StoreError, TimeoutError,
  WriteConcernError } from '../../../engine/errors.js'
import { HybridClock } from '../../../engine/base/hlc.js'
import { Topology } from '../../../engine/topology/topology.js'
import type { Write } from '../../../engine/write/write.js'
import type { Phase } from '../../../replication/groups/phases.js'
import type { SubmitOptions } from '../../../replication/writes/write-forwarder.js'
import { WriteEntry, type WriteEntryOptions } from '../../../node/cache/write-entry.js'

const SHAPE = { shards: 4, groups: 2, replicas: 2 }

const NOW_MS = 1_700_000_000_000

/**
 * An entry between a replica in this phase and a forwarder, both of which only note what they are
 * given.
 */
function entryOn (
  phase: Phase | undefined,
  outcome: (write: Write) => Promise<void> = () => Promise.resolve(),
  holders: readonly string[] = ['here']
) {
  const [here, elsewhere, failed] = [[] as string[], [] as string[], [] as unknown[]]
  const options: { [name in keyof WriteEntryOptions]: unknown } = {
    name: 'prices',
    limits,
    clock: new HybridClock({ wallMs: () => NOW_MS, monotonicMs: () => 0 }, limits),
    writer: 1,
    monotonic: { monotonicMs: () => 0 },
    router: { shape: SHAPE, topology: new Topology(SHAPE), holders: () => holders },
    local: {
      held: { phase: () => phase },
      writes: {
        take: (_: number, write: Write) => {
          here.push(write.key)
          return outcome(write)
        },
        standingAbove: () => 0
      }
    },
    forwarder: {
      submit: (_: number, write: Write, __: unknown, ___: number, { triedHere }: SubmitOptions) => {
        elsewhere.push(write.key)
        return triedHere === undefined ? outcome(write) : Promise.resolve()
      },
      assertRoom: () => {},
      takenHere: () => {}
    },
    onWriteFailed: (_cache: string, _key: string, error: unknown) => {
      failed.push(error)
    }
  }
  return { entry: new WriteEntry(options as WriteEntryOptions), here, elsewhere, failed }
}
const fields = (key: string): Write => ({ key, version: 1, stamp: 1, fields: { n: 1 } })
const increment = (key: string): Write => ({
  key,
  version: 1,
  stamp: 1,
  fields: null,
  operations: [{ kind: 'increment', field: 'n', by: 1 }]
})
const raise = (key: string): Write => ({
  key,
  version: 1,
  stamp: 1,
  fields: null,
  operations: [{ kind: 'max', field: 'n', value: 1 }]
})

for (
  const [phase, fieldsHere, operationsHere] of [[undefined, false, false], ['syncing', true, false],
    ['ready', true, true], ['stale', true, false], ['leaving', true, true], ['stray', true,
    false]] as const
) {
  const taken = `${fieldsHere ? '' : 'no '}fields and ${operationsHere ? '' : 'no '}operations`
  test(`a replica that is ${phase ?? 'not there'} takes ${taken}`, async t => {
    const { entry, here, elsewhere } = entryOn(phase)
    await entry.send(fields('fields'), {})
    await entry.send(increment('operations'), {})
    t.deepEqual(here, [...fieldsHere ? ['fields'] : [], ...operationsHere ? ['operations'] : []])
    t.deepEqual(elsewhere, [...fieldsHere ? [] : ['fields'],
      ...operationsHere ? [] : ['operations']])
  })
}

test('no caller is told to retry an increment that may have counted (SPEC R11)', async t => {
  for (const phase of ['ready', undefined] as const) {
    for (const cause of [new StoreError('the disk is full'), new TimeoutError('request', 5)]) {
      const { entry, failed } = entryOn(phase, () => Promise.reject(cause))
      const error = await t.throwsAsync(entry.send(increment('k'), {}), {
        instanceOf: OutcomeUnknownError
      })
      t.is(error?.cause, cause)
      t.is(await t.throwsAsync(entry.send(raise('k'), {})), cause)
      t.is(await t.throwsAsync(entry.send(fields('k'), {})), cause)
      t.deepEqual(failed, [error, cause, cause])
    }
    for (const plain of [new WriteConcernError('all', 1, 2, 5), new KindError('no')]) {
      t.is(
        await t.throwsAsync(
          entryOn(phase, () => Promise.reject(plain)).entry.send(increment('k'), {})
        ),
        plain
      )
    }
  }
})

test('writes of one call fail together once all have ended, admitting any change made', async t => {
  const refused = new KindError('field n is a counter')
  const some = entryOn(
    'ready',
    ({ key }) => key === 'bad' ? Promise.reject(refused) : Promise.resolve()
  )
  await some.entry.sendAll([fields('a'), fields('b')], {})
  t.is(await t.throwsAsync(some.entry.sendAll([fields('bad')], {})), refused)
  t.is(await t.throwsAsync(some.entry.sendAll([fields('bad'), fields('bad')], {})), refused)
  const error = await t.throwsAsync(some.entry.sendAll([fields('bad'), fields('a')], {}), {
    code: 'FIELD_KIND',
    message: /field n is a counter; other fields of the patch were written/
  })
  t.like(error, { changed: 'maybe', retryable: false })
})

test('a time to live is counted from the event time, or from now', t => {
  const { entry } = entryOn('ready')
  t.is(entry.stamp(undefined, 1500).expires, (NOW_MS + 1500) * 1000)
  t.is(entry.stamp(5000, 0.0005).expires, 5_000_001)
  t.like(entry.stamp(5000), { version: 5_000_000, expires: undefined })
})

test('a closed entry takes nothing', t => {
  const { entry } = entryOn('ready')
  entry.close()
  t.throws(() => entry.send(fields('k'), {}), { code: 'CLOSED' })
})

test('a durable write goes to another holder when the store here fails (SPEC K4)', async t => {
  const failing = (): Promise<void> => Promise.reject(new StoreError('disk full'))
  const two = entryOn('ready', failing, ['here', 'there'])
  await two.entry.send(fields('k'), { ack: 'durable' })
  t.deepEqual([two.here, two.elsewhere], [['k'], ['k']])
  for (
    const [write, ack, holders] of [
      [fields('k'), 'durable', ['here']],
      [fields('k'), 'majority', ['here', 'there']],
      [increment('k'), 'durable', ['here', 'there']],
      [raise('k'), 'durable', ['here', 'there']]
    ] as const
  ) {
    const { entry, elsewhere } = entryOn('ready', failing, holders)
    await t.throwsAsync(entry.send(write, { ack }))
    t.deepEqual(elsewhere, [])
  }
})
