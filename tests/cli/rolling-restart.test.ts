/** Nodes in memory, restarted one after the other as a supervisor does it. */
import test from 'ava'
import { connect } from '../../index.js'
import { startNode } from '../support/millpond-process.js'
import { startNatsServer, type NatsServer } from '../support/nats-server.js'

const NAMES = ['a', 'b', 'c']
const KEYS = Array.from({ length: 5000 }, (_, i) => `k${i}`)
const AT_ONCE = 500

let nats: NatsServer | undefined
test.before(async () => {
  nats = await startNatsServer()
})
test.after.always(async () => {
  await nats?.stop()
})

test('SIGTERM, start, wait for ready, the next: nothing is lost (SPEC R23, R24)', async t => {
  const url = nats?.url ?? ''
  const flags = ['--cluster', 'rolling', '--nats', url, '--cache', 'offers', '--replicas', '2',
    '--log-level', 'silent']
  const nodes = new Map(
    await Promise.all(
      NAMES.map(async name => [name, await startNode(t, [...flags, '--name', name])] as const)
    )
  )
  const client = await connect({ cluster: 'rolling', nats: { servers: url } })
  t.teardown(() => client.close())
  const cache = client.cache('offers')
  for (let at = 0; at < KEYS.length; at += AT_ONCE) {
    await Promise.all(
      KEYS.slice(at, at + AT_ONCE).map(key => cache.increment(key, 'n', 1, { ack: 'majority' }))
    )
  }
  for (const name of NAMES) {
    const { status } = await nodes.get(name)?.end() ?? {}
    t.is(status, 0, name)
    nodes.set(name, await startNode(t, [...flags, '--name', name]))
  }
  const missing: string[] = []
  for (let at = 0; at < KEYS.length; at += AT_ONCE) {
    const keys = KEYS.slice(at, at + AT_ONCE)
    const records = await cache.getMany(keys)
    missing.push(...keys.filter((_, i) => records[i]?.['n'] !== 1))
  }
  t.deepEqual(missing, [])
})
