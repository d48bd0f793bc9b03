/** A node that joins is an owner before it has anything: nobody's majority waits for it. */
import test from 'ava'
import { CACHE, startCluster, type Cluster } from '../../support/cluster.js'

/** Whatever this node asks its peers for is lost: it fetches nothing. */
function neverFetches (cluster: Cluster, name: string): void {
  const { network } = cluster
  const connect = network.connect.bind(network)
  network.connect = (...args) => {
    const transport = connect(...args)
    if (args[0] !== name) return transport
    const publish = transport.publish.bind(transport)
    transport.publish = (subject, ...rest) => subject.includes('.ae.') || publish(subject, ...rest)
    return transport
  }
}

for (const replicas of [2, 3]) {
  test(`no majority waits for what a joiner fetches, R = ${replicas} (SPEC R21)`, async t => {
    const cluster = await startCluster(t, ['a', 'b'], { replicas, expect: ['repair-failed'] })
    const { time } = cluster
    const client = await cluster.client('writer')
    const keys = Array.from({ length: 64 }, (_, i) => `k${i}`)
    await time.wait(Promise.all(keys.map(key => client.put(key, { n: 0 }, { ack: 'majority' }))))
    neverFetches(cluster, 'joiner')
    await cluster.startNode('joiner')
    await time.advance(2000)
    const phases = cluster.node('joiner').status().caches[CACHE]?.held.map(({ phase }) => phase)
    t.true((phases?.length ?? 0) > 0 && phases?.every(phase => phase === 'syncing'))
    for (const cache of [client, cluster.cache('a'), cluster.cache('joiner')]) {
      const options = { ack: 'majority', timeoutMs: 1000 } as const
      await time.wait(Promise.all(keys.map(key => cache.put(key, { n: 1 }, options))))
      await time.wait(Promise.all(keys.map(key => cache.increment(key, 'count', 1, options))))
    }
    t.pass()
  })
}
