/** A node is ready once it has all that it should hold; whoever waits for that is told. */
import test from 'ava'
import { Readiness } from '../../node/readiness.js'
import { CACHE, startCluster } from '../support/cluster.js'
import { VirtualTime } from '../support/virtual-time.js'

test('a node is ready when it has all that it should hold (SPEC R24)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 1 })
  const { time } = cluster
  await time.wait(cluster.node('a').whenReady())
  cluster.kill('a')
  cluster.kill('b')
  const node = await cluster.startNode('a')
  await time.advance(5000)
  t.regex(node.waitsFor ?? '', /a waits for b, which held placement group/)
  t.regex(node.status().caches[CACHE]?.waitsFor ?? '', /a waits for b/)
  await t.throwsAsync(time.wait(node.whenReady({ timeoutMs: 100 })), {
    code: 'TIMEOUT',
    message: /a waits for b/
  })
  const ready = node.whenReady()
  await cluster.startNode('b')
  await time.wait(ready)
  t.is(node.waitsFor, undefined)
})

test('waiting to be ready ends with its time, its signal, or the node (SPEC R24)', async t => {
  const time = new VirtualTime(1)
  let lack: string | undefined = 'a waits for b'
  const readiness = new Readiness(time.ports('node').timers, () => lack)
  t.throws(() => readiness.when({ timeoutMS: 5 } as object), { instanceOf: TypeError })
  const controller = new AbortController()
  const ended = Promise.allSettled([
    readiness.when({ timeoutMs: 50 }),
    readiness.when({ signal: controller.signal }),
    readiness.when({})
  ])
  await time.advance(60)
  controller.abort()
  readiness.look() // not yet
  readiness.close()
  t.deepEqual(
    (await ended).map(each => each.status === 'rejected' && (each.reason as { code: string }).code),
    ['TIMEOUT', 'ABORTED', 'CLOSED']
  )
  lack = undefined
  await t.throwsAsync(readiness.when({}), { code: 'CLOSED' })
})
