/** Many consumers on one signal: one listener, taken away with the last of them. */
import { getEventListeners, getMaxListeners } from 'node:events'
import test from 'ava'
import { onAbort } from '../../../engine/calls/on-abort.js'
import { startCluster } from '../../support/cluster.js'

test('one listener serves all, and goes with the last', t => {
  const { signal } = new AbortController()
  const most = getMaxListeners(signal)
  const stops = Array.from({ length: 1000 }, () => onAbort(signal, () => t.fail('not aborted')))
  t.is(getEventListeners(signal, 'abort').length, 1)
  for (const stop of stops) stop()
  stops[0]?.()
  t.is(getEventListeners(signal, 'abort').length, 0)
  t.is(getMaxListeners(signal), most, 'the limit of the program stands')
  onAbort(signal, () => {})
  stops[1]?.()
  t.is(getEventListeners(signal, 'abort').length, 1, 'a late second stop takes nothing away')
})

test('all that still listen are called, one that stops meanwhile does not stop others', t => {
  const controller = new AbortController()
  const called: number[] = []
  const stops = [0, 1, 2, 3].map(i =>
    onAbort(controller.signal, () => {
      called.push(i)
      stops[i]?.()
    })
  )
  stops[2]?.()
  controller.abort()
  t.deepEqual(called, [0, 1, 3])
})

test('consumers that share a signal of the program bring no warning, and all end', async t => {
  const warnings: Error[] = []
  const hear = (warning: Error) => warnings.push(warning)
  process.on('warning', hear)
  t.teardown(() => process.off('warning', hear))
  const cluster = await startCluster(t, ['a'], { replicas: 1, shards: 1, groups: 1 })
  const controller = new AbortController()
  const running = Array.from({ length: 50 }, async (_, i) => {
    const batches = cluster.cache('a').consume({ group: `g${i}`, signal: controller.signal })
    for await (const batch of batches) await batch.commit()
  })
  await cluster.time.advance(1000)
  t.is(getEventListeners(controller.signal, 'abort').length, 1)
  controller.abort()
  await cluster.time.wait(Promise.all(running))
  t.is(getEventListeners(controller.signal, 'abort').length, 0)
  await new Promise(resolve => {
    setImmediate(resolve)
  })
  t.deepEqual(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'), [])
})

test('a signal that throws as it is let go does not spoil the outcome of a call', t => {
  const signal = {
    aborted: false,
    addEventListener: () => {},
    removeEventListener: () => {
      throw new Error('no way out')
    }
  } as unknown as AbortSignal
  t.notThrows(onAbort(signal, () => {}))
})
