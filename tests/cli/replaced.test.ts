/** Fault and supervisor as they are: a node is stopped, replaced under its name, and goes on. */
import test from 'ava'
import { millpond, output, startNode } from '../support/millpond-process.js'
import { startNatsServer, type NatsServer } from '../support/nats-server.js'
import { waitFor } from '../../testing/wait-for.js'

let nats: NatsServer | undefined
test.before(async () => {
  nats = await startNatsServer()
})
test.after.always(async () => {
  await nats?.stop()
})

test('a node that was stopped and replaced ends with status 3 (SPEC R17)', async t => {
  const cluster = ['--cluster', 'replaced', '--nats', nats?.url ?? '']
  const flags = [...cluster, '--cache', 'offers', '--shards', '4', '--replicas', '2', '--log-level',
    'silent']
  const first = await startNode(t, [...flags, '--name', 'n1'])
  await startNode(t, [...flags, '--name', 'n2'])
  await output(
    t,
    ['ingest', '-', '--format', 'ndjson', '--key', 'sku', '--ack', 'all', ...cluster, '--cache',
      'offers'],
    '{"sku":"a","price":1}\n{"sku":"b","price":2}\n'
  )
  first.child.kill('SIGSTOP')
  await waitFor(async () => {
    const { nodes } = JSON.parse(await output(t, ['status', '--json', ...cluster])) as {
      nodes: ReadonlyArray<{ node: string, members: string[] }>
    }
    return nodes.find(({ node }) => node === 'n2')?.members.length === 1
  }, 'n2 to miss n1')
  await startNode(t, [...flags, '--name', 'n1'])
  first.child.kill('SIGCONT')
  const { status, stderr } = await first.ended
  t.is(status, 3)
  t.regex(stderr, /^millpond: another process began later under the name n1, so this one handed/)
  const dumped = await millpond(t, ['dump', ...cluster, '--cache', 'offers'])
  t.is(dumped.stdout.split('\n').filter(line => line !== '').length, 2)
})
