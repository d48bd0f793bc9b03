/** A process that stands still for longer than the failure timeout, and goes on. */
import test from 'ava'
import { connect, type MillpondEvent } from '../../../index.js'
import { waitFor } from '../../../testing/wait-for.js'
import { startMillpond } from '../../support/millpond-process.js'
import { startNatsServer } from '../../support/nats-server.js'

test('who stood still takes nobody for gone whose heartbeats wait (SPEC R15)', async t => {
  const server = await startNatsServer()
  t.teardown(() => server.stop())
  const node = startMillpond(t, ['node', '--cluster', 'still', '--nats', server.url, '--name', 'n',
    '--cache', 'prices'])
  await waitFor(() => node.stdout.includes('ready') || node.stderr.includes('ready'), 'the node')
  const left: MillpondEvent[] = []
  const client = await connect({ cluster: 'still', nats: { servers: server.url } }, {
    onEvent: event => {
      if (event.type === 'member-left') left.push(event)
    }
  })
  t.teardown(() => client.close())
  const { failureTimeoutMs } = client.timing
  for (let round = 0; round < 2; round++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, failureTimeoutMs + 500)
    await client.cache('prices').put('k', { round }, { timeoutMs: 10_000 })
  }
  t.deepEqual(left, [])
})
