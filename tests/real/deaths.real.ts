/** Processes end without warning, and disks are lost (SPEC R22, K6). */
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { judge } from './scenario.js'

const NAMES = ['a', 'b', 'c']

test.serial('one node after the other is killed and started again', async t => {
  await judge(t, {
    nodes: NAMES,
    replicas: 2,
    ack: 'durable',
    run: async (cluster, random) => {
      for (const name of NAMES) {
        await sleep(1000 + random() * 1000)
        await cluster.kill(name)
        await sleep(random() * 6000)
        await cluster.startNode(name)
      }
      await sleep(2000)
    }
  })
})

test.serial('all are killed, and one is back long before the others', async t => {
  await judge(t, {
    nodes: NAMES,
    replicas: 2,
    ack: 'durable',
    run: async cluster => {
      await sleep(3000)
      await Promise.all(NAMES.map(name => cluster.kill(name)))
      const first = cluster.startNode('b')
      await sleep(6000)
      await Promise.all([first, cluster.startNode('a'), cluster.startNode('c')])
      await sleep(2000)
    }
  })
})

test.serial('all are killed, and one has lost its disk', async t => {
  await judge(t, {
    nodes: NAMES,
    replicas: 2,
    ack: { durable: 2 },
    run: async (cluster, random) => {
      await sleep(4000)
      await Promise.all(NAMES.map(name => cluster.kill(name)))
      await cluster.wipe(NAMES[Math.floor(random() * NAMES.length)] ?? 'a')
      await Promise.all(NAMES.map(name => cluster.startNode(name, NAMES.length)))
      await sleep(2000)
    }
  })
})
