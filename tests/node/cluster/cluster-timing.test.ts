/**
 * The timing of a cluster is its nodes': a client adopts it, and nodes that differ judge each other
 * by the slowest. Time is virtual.
 */
import test from 'ava'
import { decodeCbor } from '../../../engine/base/codec.js'
import { limits } from '../../../engine/limits.js'
import { decodePart } from '../../../replication/messages/envelope.js'
import { startCluster, type Cluster } from '../../support/cluster.js'

const SLOW = { heartbeatMs: 4000, failureTimeoutMs: 12_000 }

/** Members that one of these nodes or clients took for gone, in words. */
function left (cluster: Cluster): string[] {
  return cluster.events.flatMap(({ node, event }) =>
    event.type === 'member-left' ? [`${node}: ${event.node} ${event.why}`] : []
  )
}

test('a client with the usual timing never loses sight of slow nodes (SPEC R13)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { timing: SLOW })
  const cache = await cluster.client('c', { timing: {} })
  for (let i = 0; i < 40; i++) {
    await cluster.time.wait(cache.put(`k${i}`, { i }, { timeoutMs: 500 }))
    await cluster.time.advance(450)
  }
  t.deepEqual(left(cluster), [])
})

test('nodes of a rolling change judge each other by the slower timing (SPEC R13)', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  await cluster.startNode('c', { timing: SLOW })
  await cluster.untilSettled()
  await cluster.time.advance(60_000)
  t.deepEqual(left(cluster), [])
  const said = cluster.eventsOf('timing-differs')
  t.is(said.length, 3, 'each says so once')
  for (const event of said) {
    t.like(event, { ...SLOW, timings: { length: 2 } })
    t.regex(JSON.stringify(event), /"failureTimeoutMs":12000,"nodes":\["c"\]/)
  }
  const usual = { heartbeatMs: 500, failureTimeoutMs: 3000 }
  t.deepEqual(cluster.node('a').status().timing, { ...SLOW, configured: usual })
  t.deepEqual(cluster.node('c').status().timing, { ...SLOW, configured: SLOW })
  await cluster.client('far', { timing: {} })
  const far = cluster.clients.get('far')
  if (far === undefined) throw new Error('far has no connection')
  t.deepEqual(far.timing, SLOW)
  const { timing } = await cluster.time.wait(far.statusOf('b'))
  t.deepEqual(timing, { ...SLOW, configured: usual })
  await cluster.close('far')
  cluster.kill('a')
  await cluster.time.advance(11_000)
  t.deepEqual(left(cluster), [], 'all of them wait as long as the slowest does')
  await cluster.time.advance(6000)
  t.deepEqual(left(cluster).sort(), ['b: a silent', 'c: a silent'])
})

test('when the nodes agree again, what they are configured with counts (SPEC R13)', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  await cluster.startNode('c', { timing: SLOW })
  await cluster.untilSettled()
  await cluster.close('c')
  await cluster.time.advance(100)
  const usual = { heartbeatMs: 500, failureTimeoutMs: 3000 }
  t.deepEqual(cluster.node('a').status().timing, { ...usual, configured: usual })
  t.deepEqual(
    cluster.events.flatMap(({ node, event }) =>
      event.type === 'timing-agrees'
        ? [{ node, heartbeatMs: event.heartbeatMs, failureTimeoutMs: event.failureTimeoutMs }]
        : []
    ).sort((x, y) => x.node < y.node ? -1 : 1),
    ['a', 'b'].map(node => ({ node, heartbeatMs: 500, failureTimeoutMs: 3000 }))
  )
  cluster.kill('a')
  await cluster.time.advance(3600)
  t.deepEqual(left(cluster).filter(line => line.endsWith('silent')), ['b: a silent'])
})

test('a client adopts a faster timing too, down to what it set itself (SPEC R13)', async t => {
  const fast = { heartbeatMs: 100, failureTimeoutMs: 500 }
  const cluster = await startCluster(t, ['a', 'b'], { timing: fast })
  await cluster.client('adopts', { timing: {} })
  await cluster.client('insists', { timing: { heartbeatMs: 1000, failureTimeoutMs: 5000 } })
  t.deepEqual(cluster.clients.get('adopts')?.timing, fast)
  t.deepEqual(cluster.clients.get('insists')?.timing, {
    heartbeatMs: 1000,
    failureTimeoutMs: 5000
  })
  cluster.kill('b')
  await cluster.time.advance(700)
  t.deepEqual(left(cluster).sort(), ['a: b silent', 'adopts: b silent'])
  await cluster.time.advance(5500)
  t.deepEqual(left(cluster).at(-1), 'insists: b silent')
  t.deepEqual(cluster.eventsOf('timing-differs'), [])
})

for (const [theirs, own] of [[3000, 100], [8000, 500]] as const) {
  const title = `a node with heartbeats of ${own} ms hears nodes with ${theirs} ms as it joins`
  test(`${title} (SPEC R13)`, async t => {
    const slow = { heartbeatMs: theirs, failureTimeoutMs: theirs * 6 }
    const cluster = await startCluster(t, ['a', 'b', 'c'], { timing: slow })
    await cluster.time.wait(cluster.cache('a').put('k', { n: 1 }, { ack: 'all' }))
    await cluster.startNode('d', { timing: { heartbeatMs: own, failureTimeoutMs: own * 6 } })
    t.deepEqual(cluster.node('d').status().members, ['a', 'b', 'c', 'd'])
    t.deepEqual(await cluster.time.wait(cluster.cache('d').get('k')), { n: 1 })
  })
}

test('a node that joins a slower cluster listens as long as its heartbeats are apart', async t => {
  const cluster = await startCluster(t, ['a'], { timing: SLOW })
  const startedMs = cluster.time.nowMs
  await cluster.startNode('b', { timing: {} })
  const tookMs = cluster.time.nowMs - startedMs
  t.true(tookMs >= 5600 && tookMs < 7000, `${tookMs} ms`)
})

test('a client looks for lost hints as rarely as slow nodes beat (SPEC R13)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { timing: SLOW })
  const cache = await cluster.client('c', { timing: {} })
  const asked: string[] = []
  const transport = cluster.transports.get('c')
  if (transport === undefined) throw new Error('c has no connection')
  const publish = transport.publish.bind(transport)
  transport.publish = (subject, bytes, replyTo) => {
    if (subject.includes('.q.')) {
      const request = decodeCbor(decodePart(bytes, subject, limits).content) as { op: string }
      asked.push(request.op)
    }
    return publish(subject, bytes, replyTo)
  }
  const changes = cache.consume({ group: 'g' })
  for (let i = 0; i < 6; i++) {
    await cluster.time.wait(cluster.cache('a').put('k', { i }))
    const { value } = await cluster.time.wait(changes.next())
    t.deepEqual(value?.changes.map(({ fields }) => fields), [{ i }])
    await cluster.time.advance(30_000)
  }
  t.true(asked.includes('poll'))
  t.deepEqual(asked.filter(op => op === 'digests'), [], 'no hint was lost')
  await cluster.time.wait(changes.return())
})
