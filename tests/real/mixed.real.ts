/** Faults of all kinds, one after the other as a seed draws them. */
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { RealCluster } from './real-cluster.js'
import { judge } from './scenario.js'

const NAMES = ['a', 'b', 'c', 'd']
const FAULTS = 8

type Fault = (cluster: RealCluster, name: string, random: () => number) => Promise<void>

const KINDS: readonly Fault[] = [
  async (cluster, name, random) => {
    await cluster.kill(name)
    await sleep(random() * 5000)
    await cluster.startNode(name)
  },
  async (cluster, name, random) => {
    await cluster.stop(name)
    await sleep(random() * 2000)
    await cluster.startNode(name)
  },
  async (cluster, name, random) => {
    cluster.signal(name, 'SIGSTOP')
    await sleep(random() * 6000)
    cluster.signal(name, 'SIGCONT')
  },
  async (cluster, _, random) => {
    await cluster.killNats()
    await sleep(random() * 4000)
    await cluster.startNats()
  }
]

for (const round of [1, 2, 3]) {
  test.serial(`faults in turn, round ${round}`, async t => {
    await judge(t, {
      nodes: NAMES,
      replicas: 2 + (round % 2),
      ack: 'durable',
      run: async (cluster, random) => {
        for (let left = FAULTS; left > 0; left--) {
          const kind = KINDS[Math.floor(random() * KINDS.length)]
          await kind?.(cluster, NAMES[Math.floor(random() * NAMES.length)] ?? 'a', random)
          await sleep(500 + random() * 2000)
        }
        await sleep(2000)
      }
    })
  })
}
