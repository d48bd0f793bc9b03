/** Write concerns: what each demands, and which cannot be. */
import test from 'ava'
import { checkConcern, demandOf, textOf,
  type WriteConcern } from '../../../replication/deltas/write-concern.js'

test('each write concern demands its number of replicas, in memory or in stores', t => {
  const demands = (concerns: readonly WriteConcern[]) =>
    concerns.map(concern => {
      const { replicas, isDurable } = demandOf(concern, 3)
      return `${textOf(concern)}: ${replicas}${isDurable ? ' stores' : ''}`
    })
  t.deepEqual(demands(['buffered', 'durable', 'majority', 'all', 1, 2, 3]), ['buffered: 1',
    'durable: 1 stores', 'majority: 2', 'all: 3', '1: 1', '2: 2', '3: 3'])
  t.deepEqual(
    demands([{ durable: 1 }, { durable: 3 }, { durable: 'majority' }, {
      durable: 'all'
    }]),
    ['durable 1: 1 stores', 'durable 3: 3 stores', 'durable majority: 2 stores',
      'durable all: 3 stores']
  )
  t.deepEqual(
    [1, 2, 3, 4, 5].map(replicas => demandOf('majority', replicas).replicas),
    [1, 2, 2, 3, 3]
  )
})

test('what cannot be reached, or is no write concern, is refused by name', t => {
  const odd: ReadonlyArray<readonly [concern: unknown, named: string]> = [[0, '0'], [4, '4'], [1.5,
    '1.5'], [NaN, 'NaN'], [-1, '-1'], ['most', 'most'], [null, 'null'], [undefined, 'undefined'], [{
    durable: 0
  }, 'durable 0'], [{ durable: 4 }, 'durable 4'], [{ durable: 'durable' }, 'durable "durable"'], [{
    durable: { durable: 2 }
  }, 'durable'], [{}, 'Object'], [{ durable: 2, sync: true }, 'durable'], [[2], ''], [2n,
    'bigint 2']]
  for (const [concern, named] of odd) {
    const error = t.throws(() => checkConcern(concern as WriteConcern, 3), {
      code: 'CONFIG_INVALID'
    })
    t.true(error?.message.includes(named), error?.message)
  }
})

test('a write concern is kept as it was when it was given', t => {
  const given = { durable: 2 }
  const kept = checkConcern(given, 3)
  given.durable = 9
  t.deepEqual(kept, { durable: 2 })
})
