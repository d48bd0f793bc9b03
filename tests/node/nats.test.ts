/**
 * Nodes and clients over a real nats-server: the contract, then what only a real server can do to
 * them: die and come back.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { systemPorts } from '../../node/system-ports.js'
import { startNatsServer } from '../support/nats-server.js'
import { waitFor } from '../../testing/wait-for.js'
import { clusterContract, scanned, setting, settled, TIMING,
  type ClusterHarness } from '../contracts/cluster-contract.js'

async function open (): Promise<ClusterHarness> {
  const server = await startNatsServer()
  return { config: { nats: { servers: server.url } }, wiring: {}, close: () => server.stop() }
}

clusterContract(test, 'nats', open)

test('a cluster whose killed server restarts heals, and loses no write made meanwhile', async t => {
  const server = await startNatsServer()
  let close = (): Promise<void> => server.stop()
  const { node, client, events } = setting(t, {
    config: { nats: { servers: server.url } },
    wiring: {},
    close: () => close()
  })
  const nodes = [await node('a'), await node('b'), await node('c')]
  await settled(nodes)
  const far = await client('far')
  for (let i = 0; i < 60; i++) {
    await nodes[i % 3]?.cache('prices').put(`k${i}`, { i }, { ack: 'all' })
  }
  await server.kill()
  await waitFor(
    () => events.filter(event => event.type === 'connection' && !event.connected).length === 4,
    'all four to notice'
  )
  const meanwhile = nodes.flatMap((each, n) =>
    Array.from(
      { length: 20 },
      (_, i) =>
        each.cache('prices').put(`m${n}.${i}`, { i }, { timeoutMs: 30_000 }).then(
          () => `m${n}.${i}`,
          () => ''
        )
    )
  )
  const again = await startNatsServer({ port: server.port })
  close = () => again.stop()
  const written = (await Promise.all(meanwhile)).filter(key => key !== '')
  t.notThrows(() => far.cache('prices'))
  await settled(nodes)
  await waitFor(() => far.nodes.length === 3, 'the client to hear all nodes again')
  for (const each of [...nodes, far]) {
    const records = await scanned(each.cache('prices'))
    t.deepEqual(
      [...Array.from({ length: 60 }, (_, i) => `k${i}`), ...written].filter(key =>
        !records.has(key)
      ),
      []
    )
  }
  t.true(written.length > 0)
})

for (const [off, byMs] of [['a day ahead', 86_400_000], ['two minutes slow', -120_000]] as const) {
  test(`a node ${off} costs the others nothing, and says so itself (SPEC T3, T4, T5)`, async t => {
    const { node, client, events } = setting(t, await open())
    const { clock } = systemPorts
    const ports = { ...systemPorts, clock: { ...clock, wallMs: () => clock.wallMs() + byMs } }
    const nodes = [await node('a'), await node('b'), await node('wrong', {}, { ports })]
    await settled(nodes)
    const far = await client('far')
    const cache = far.cache('prices')
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
    const put = async (n: number, ttlMs: number): Promise<unknown> =>
      await Promise.all(keys.map(key => cache.put(key, { n }, { ack: 'all', ttlMs })))
    await put(1, 600_000)
    await cache.put('soon', { n: 1 }, { ack: 'all', ttlMs: 1000 })
    await waitFor(async () => {
      const all = await Promise.all(nodes.map(each => each.cache('prices').get('soon')))
      return all.every(fields => fields === undefined)
    }, 'a record to end everywhere')
    for (const each of [...nodes, far]) {
      t.is((await scanned(each.cache('prices'))).size, keys.length, 'and no other')
    }
    await waitFor(() => events.some(({ type }) => type === 'clock-differs'), 'the node to say so')
    const wrong = nodes[2]?.cache('prices')
    const writing = async (): Promise<void> => await wrong?.put('mine', { n: 1 })
    if (byMs < 0) await writing()
    else {await t.throwsAsync(writing, {
        code: 'VERSION_IN_FUTURE',
        message: /the clock of wrong is/
      })}
    await put(2, 600_000)
    await Promise.all(keys.map(key => cache.delete(key, { ack: 'all' })))
    for (const each of nodes) {
      const left = await each.cache('prices').getMany(keys)
      t.deepEqual(left.filter(fields => fields !== undefined), [])
    }
  })
}

test('a process that closes its node and client can end by itself', async t => {
  const server = await startNatsServer()
  const folder = await mkdtemp(join(tmpdir(), 'millpond-exit-'))
  t.teardown(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const program = join(folder, 'main.mts')
  await writeFile(
    program,
    `
    import { connect, openNode } from ${JSON.stringify(join(root, 'index.ts'))}
    const nats = { servers: ${JSON.stringify(server.url)} }
    const timing = ${JSON.stringify(TIMING)}
    const node = await openNode({ cluster: 'exit', name: 'a', nats, timing, dataDir: ${
      JSON.stringify(join(folder, 'data'))
    }, caches: { prices: { shards: 4, replicas: 2 } } })
    const client = await connect({ cluster: 'exit', nats, timing })
    await client.cache('prices').put('k', { n: 1 }, { ack: 'durable' })
    for await (const batch of client.cache('prices').consume({ group: 'g' })) {
      await batch.commit()
      break
    }
    client.cache('prices').put('k', { n: 2 }, { ack: 'all', timeoutMs: 100 }).catch(() => {})
    node.cache('prices').put('k', { n: 3 }, { ack: 'all', timeoutMs: 600_000 }).catch(() => {})
    await client.close()
    await node.close()
    process.stdout.write('closed\\n')
  `
  )
  const child = spawn(process.execPath, ['--import=tsx', program], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const kill = setTimeout(() => child.kill('SIGKILL'), 30_000)
  const code = await new Promise<number | null>(resolve => {
    child.once('close', resolve)
  })
  clearTimeout(kill)
  t.is(output, 'closed\n')
  t.is(code, 0)
})
