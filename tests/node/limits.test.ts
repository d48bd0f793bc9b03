// The bounds of Wiring reach every check of a node and of a client: what enters, what peers send,
// and how messages are cut.
import test, { type ExecutionContext } from 'ava'
import { connect, createNetwork, limitsWith, openNode, type Limits, type MillpondEvent,
  type MillpondNode, type Network } from '../../index.js'

const config = { cluster: 'bounds', caches: { offers: { shards: 8, groups: 4 } } }

async function open (
  t: ExecutionContext,
  name: string,
  network: Network,
  limits: Limits,
  onEvent: (event: MillpondEvent) => void = () => {}
): Promise<MillpondNode> {
  const node = await openNode({ ...config, name, timing: { heartbeatMs: 50 } }, {
    network,
    limits,
    onEvent
  })
  t.teardown(() => node.close())
  return node
}

/** Nested `depth` levels deep. */
const nested = (depth: number): unknown => depth === 0 ? 1 : [nested(depth - 1)]

test('keys, names and values are checked against the limits of the node they enter', async t => {
  const limits = limitsWith({
    maxKeyBytes: 8,
    maxFieldNameBytes: 4,
    maxFieldsPerRecord: 2,
    maxValueDepth: 3,
    maxKeysPerRead: 2
  })
  const node = await open(t, 'a', createNetwork(), limits)
  const offers = node.cache('offers')
  const refused = { code: 'LIMIT_EXCEEDED' }
  t.throws(() => offers.put('k'.repeat(9), { a: 1 }), refused)
  t.throws(() => offers.put('k', { price: 1 }), refused)
  t.throws(() => offers.put('k', { a: 1, b: 2, c: 3 }), refused)
  t.throws(() => offers.put('k', { a: nested(4) } as never), refused)
  t.throws(() => offers.patch('k'.repeat(9), { a: { value: 1 } }), refused)
  t.throws(() => offers.patch('k', { price: { value: 1 } }), refused)
  t.throws(() => offers.increment('k', 'views'), refused)
  t.throws(() => node.cache('offers', { views: 'counter' }), { code: 'CONFIG_INVALID' })
  t.throws(() => offers.getMany(['a', 'b', 'c']), refused)
  await offers.put('k'.repeat(8), { a: nested(3) } as never)
  t.deepEqual(await offers.get('k'.repeat(8)), { a: nested(3) } as never)
})

test('settings are checked against the limits of the node', async t => {
  const refused = await t.throwsAsync(
    openNode(config, { limits: limitsWith({ maxGroups: 3 }) }),
    { code: 'CONFIG_INVALID' }
  )
  t.regex(refused?.message ?? '', /groups/)
  await t.throwsAsync(openNode(config, { limits: limitsWith({ maxShards: 7, maxGroups: 7 }) }), {
    code: 'CONFIG_INVALID'
  })
})

test('a record that is too deep for its owner is refused by the owner', async t => {
  const network = createNetwork()
  const small = limitsWith({ maxValueDepth: 3 })
  await open(t, 'a', network, small)
  const client = await connect({ cluster: config.cluster }, { network })
  t.teardown(() => client.close())
  await client.cache('offers').put('k', { a: nested(3) } as never)
  await t.throwsAsync(
    client.cache('offers').put('k', { a: nested(4) } as never, { timeoutMs: 500 })
  )
  t.deepEqual(await client.cache('offers').get('k'), { a: nested(3) } as never)
})

test('heartbeats that name too many groups are refused by a node with small limits', async t => {
  const network = createNetwork()
  await open(t, 'a', network, limitsWith({}))
  const refused: string[] = []
  const client = connect({ cluster: config.cluster, connectTimeoutMs: 300 }, {
    network,
    limits: limitsWith({ maxGroups: 3 }),
    onEvent: event => {
      if (event.type === 'message-refused') refused.push(`${event.subject} ${event.reason}`)
    }
  })
  await t.throwsAsync(client, { code: 'UNAVAILABLE' })
  t.true(refused.some(line => /\.hb\./.test(line)), refused.join(', '))
})
