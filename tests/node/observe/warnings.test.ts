import test from 'ava'
import { TimeoutError, UnavailableError } from '../../../engine/errors.js'
import { connect, createNetwork, openNode } from '../../../index.js'
import { waitFor } from '../../../testing/wait-for.js'
import { warningOfWrites } from '../../../node/observe/warnings.js'

test('the first failed write of a code is a warning, and warnings are bounded (SPEC B5)', t => {
  const told: string[] = []
  const listen = warningOfWrites({ maxFailureCodes: 3 }, message => told.push(message))
  const fail = (key: string, error: unknown, cache = 'c') =>
    listen({ type: 'write-failed', cache, key, error })
  listen({ type: 'connection', connected: false })
  fail('k1', new UnavailableError('nobody'))
  fail('k2', new UnavailableError('nobody'))
  fail('k3', new TimeoutError('write', 5))
  fail('k4', new UnavailableError('nobody'), 'other')
  fail('k5', new Error('one kind too many'))
  t.is(told.length, 3)
  t.regex(String(told[0]), /^a write of "k1" in cache c failed: nobody; later ones of this kind/)
})

test.serial('without onEvent a failed write warns, and with it does not (SPEC B5)', async t => {
  const warnings: string[] = []
  const onWarning = ({ name, message }: Error): void => {
    if (name === 'MillpondWarning') warnings.push(message)
  }
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const network = createNetwork()
  const config = { caches: { c: { shards: 1, groups: 1, replicas: 1 } }, timing: { joinWaitMs: 1 } }
  const node = await openNode({ cluster: 'warnings', name: 'a', ...config }, { network })
  const heard: string[] = []
  const client = await connect({ cluster: 'warnings' }, {
    network,
    onEvent: ({ type }) => {
      heard.push(type)
    }
  })
  await node.cache('c').put('k', { n: 1 })
  await client.cache('c').increment('k', 'n').catch(() => {})
  t.true(heard.includes('write-failed'))
  void node.cache('c').increment('k', 'n')
  void node.cache('c').increment('k', 'n')
  await waitFor(() => warnings.length > 0, 'the warning')
  await t.throwsAsync(node.cache('c').flush(), { code: 'WRITES_FAILED' })
  await client.close()
  await node.close()
  t.is(warnings.length, 1, warnings.join('\n'))
  t.regex(String(warnings[0]), /^a write of "k" in cache c failed: /)
})
