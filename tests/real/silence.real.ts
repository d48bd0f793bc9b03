/** Nobody is heard for a while, and nobody is gone (SPEC R18 to R20). */
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { judge } from './scenario.js'
import type { RealCluster } from './real-cluster.js'

const NAMES = ['a', 'b', 'c']

for (const replicas of [1, 2]) {
  test.serial(`nats-server is away again and again, ${replicas} replicas`, async t => {
    await judge(t, {
      nodes: NAMES.slice(0, replicas + 1),
      replicas,
      ack: 'durable',
      run: async (cluster, random) => {
        for (const awayMs of [300, 1500, 5000]) {
          await sleep(1500 + random() * 500)
          await cluster.killNats()
          await sleep(awayMs)
          await cluster.startNats()
        }
        await sleep(3000)
      }
    })
  })

  test.serial(`nodes stand still, shorter and longer, ${replicas} replicas`, async t => {
    await judge(t, {
      nodes: NAMES,
      replicas,
      ack: replicas === 1 ? 'durable' : 'majority',
      run: async (cluster, random) => {
        for (const stillMs of [400, 1500, 5500]) {
          await pause(cluster, NAMES[Math.floor(random() * NAMES.length)] ?? 'a', stillMs)
          await sleep(2500)
        }
      }
    })
  })
}

test.serial('a node joins while the only holder stands still (SPEC R20)', async t => {
  await judge(t, {
    nodes: ['a'],
    replicas: 2,
    ack: 1,
    run: async cluster => {
      await sleep(1000)
      for (const [name, stillMs] of [['b', 1500], ['c', 5500]] as const) {
        const still = pause(cluster, 'a', stillMs)
        await cluster.startNode(name)
        await still
        await sleep(2000)
      }
    }
  })
})

async function pause (cluster: RealCluster, name: string, forMs: number): Promise<void> {
  cluster.signal(name, 'SIGSTOP')
  await sleep(forMs)
  cluster.signal(name, 'SIGCONT')
}
