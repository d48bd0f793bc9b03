/** What operators do: restarts, fewer nodes, and a replacement (SPEC R17, R23, R24). */
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { judge } from './scenario.js'

const NAMES = ['a', 'b', 'c']

test.serial('nodes in memory are restarted one after the other', async t => {
  await judge(t, {
    nodes: NAMES,
    replicas: 2,
    inMemory: true,
    ack: 'majority',
    run: async cluster => {
      for (const name of NAMES) {
        await sleep(1000)
        const { status } = await cluster.stop(name)
        t.is(status, 0, name)
        await cluster.startNode(name)
      }
      await sleep(1000)
    }
  })
})

test.serial('three nodes become five, and five become two', async t => {
  await judge(t, {
    nodes: NAMES,
    replicas: 2,
    ack: 'majority',
    run: async cluster => {
      await sleep(1000)
      await Promise.all([cluster.startNode('d'), cluster.startNode('e')])
      await sleep(2000)
      const ended = await Promise.all(['a', 'b', 'c'].map(name => cluster.stop(name)))
      t.deepEqual(ended.map(({ status }) => status), [0, 0, 0])
      await sleep(2000)
    }
  })
})

test.serial('a node that stood still is replaced under its name, and goes on', async t => {
  await judge(t, {
    nodes: NAMES,
    replicas: 2,
    ack: 'majority',
    run: async cluster => {
      await sleep(1500)
      cluster.signal('a', 'SIGSTOP')
      await sleep(4000)
      const first = cluster.letGo('a')
      await cluster.startNode('a', 1, 'another disk of a')
      first.child.kill('SIGCONT')
      const { status } = await first.ended
      t.is(status, 3)
      await sleep(2000)
    }
  })
})
