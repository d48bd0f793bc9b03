/**
 * The NATS transport against real servers: the contract on a shared one, and then what goes wrong
 * with servers of its own: they are killed, frozen, restarted, replaced, strict or absent.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { limits } from '../../../../engine/limits.js'
import { systemPorts } from '../../../../node/system-ports.js'
import { connectNats } from '../../../../replication/transport/nats/nats-transport.js'
import type { NatsOptions } from '../../../../replication/transport/nats/nats-options.js'
import type { Transport } from '../../../../replication/transport/transport.js'
import { freePort, startNatsServer, type NatsServer } from '../../../support/nats-server.js'
import { seededRandom } from '../../../support/ports.js'
import { waitFor } from '../../../../testing/wait-for.js'
import { transportContract } from '../../../../testing/transport-contract.js'
import { underAva } from '../../../contracts/under-ava.js'

let shared: NatsServer | undefined
test.before(async () => {
  shared = await startNatsServer()
})
test.after.always(async () => {
  await shared?.stop()
})

transportContract({
  test: underAva(test),
  name: 'nats',
  open: async () => {
    const opened: Transport[] = []
    return {
      connect: async (name, options) => {
        const transport = await connectNats({
          servers: shared?.url ?? '',
          limits,
          name,
          timers: systemPorts.timers,
          random: seededRandom(1),
          ...options
        })
        opened.push(transport)
        return transport
      },
      close: async () => {
        await Promise.all(opened.map(transport => transport.close()))
      }
    }
  }
})

async function serverFor (
  t: ExecutionContext,
  options?: Parameters<typeof startNatsServer>[0]
): Promise<NatsServer> {
  const server = await startNatsServer(options)
  t.teardown(() => server.kill())
  return server
}

async function connectFor (
  t: ExecutionContext,
  servers: string | string[],
  options: Partial<NatsOptions> = {}
): Promise<Transport> {
  const transport = await connectNats({
    servers,
    limits,
    name: 'test',
    timers: systemPorts.timers,
    random: seededRandom(1),
    ...options
  })
  t.teardown(() => transport.close())
  return transport
}

const one = new Uint8Array([1])

test('publishes while a server is down are dropped and counted, then messages flow', async t => {
  const server = await serverFor(t)
  const transport = await connectFor(t, server.url)
  const seen: boolean[] = []
  const arrived: number[] = []
  transport.onConnection(connected => {
    seen.push(connected)
  })
  transport.subscribe('x', ({ bytes }) => {
    arrived.push(bytes[0] ?? -1)
  })
  await transport.flush()

  const flushing = [transport.flush().catch((error: unknown) => error)]
  await server.kill()
  flushing.push(transport.flush().catch((error: unknown) => error))
  await waitFor(() => !transport.connected, 'the connection to be lost')
  // Whether the first one made it is up to the operating system; that it settles is not.
  await Promise.all(flushing)
  for (let i = 0; i < 60; i++) t.false(transport.publish('x', one))
  t.is(transport.dropped, 60)
  await t.throwsAsync(() => transport.flush(), { code: 'CONNECTION' })
  transport.subscribe('later', ({ bytes }) => {
    arrived.push(bytes[0] ?? -1)
  })

  await serverFor(t, { port: server.port })
  await waitFor(() => transport.connected, 'the connection to be found again')
  t.true(transport.publish('x', new Uint8Array([2])))
  t.true(transport.publish('later', new Uint8Array([3])))
  await waitFor(() => arrived.length === 2, 'the messages after the outage')
  t.deepEqual(arrived, [2, 3])
  t.deepEqual(seen, [false, true])
  t.is(transport.dropped, 60)
})

test('a transport can be closed while its server is away', async t => {
  const server = await serverFor(t)
  const transport = await connectFor(t, server.url)
  await server.kill()
  await waitFor(() => !transport.connected, 'the connection to be lost')
  await transport.close()
  t.throws(() => transport.publish('x', one), { code: 'CLOSED' })
  t.false(transport.connected)
})

test('a transport closed while it dials does not keep the connection dialled', async t => {
  // The client goes on dialling after it was closed and would hold on to the socket for ever. A
  // server of a few lines stands in for the real one, because the dial has to be stopped halfway.
  const sockets: Socket[] = []
  const greet = (socket: Socket): void => {
    socket.on('data', data => {
      if (data.includes('PING')) socket.write('PONG\r\n')
    })
    socket.write('INFO {"max_payload":1048576,"version":"2.9.10","headers":true,"proto":1}\r\n')
  }
  const server = createServer(socket => {
    sockets.push(socket.on('error', () => undefined))
    if (sockets.length === 1) greet(socket)
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    server.close()
  })

  const transport = await connectFor(
    t,
    `nats://127.0.0.1:${(server.address() as AddressInfo).port}`
  )
  sockets[0]?.destroy()
  await waitFor(() => sockets.length === 2, 'the second dial')
  const dialled = sockets[1] as Socket
  const closing = transport.close()
  greet(dialled)
  await closing
  await waitFor(() => dialled.closed, 'the client to hang up')
  t.is(sockets.length, 2)
})

test('publish drops at the bound while a server does not read, and recovers after', async t => {
  const server = await serverFor(t)
  const transport = await connectFor(t, server.url, { maxUnflushedBytes: 1024 * 1024 })
  await transport.flush()
  const large = new Uint8Array(64 * 1024)
  server.signal('SIGSTOP')
  let accepted = 0
  while (transport.publish('x', large)) accepted++
  t.true(accepted >= 15 && accepted <= 16, `${accepted} messages of 64 KiB were accepted`)
  t.is(transport.dropped, 1)
  server.signal('SIGCONT')
  await transport.flush()
  t.true(transport.publish('x', large))
  t.is(transport.dropped, 1)
})

test('a burst far above the bound is not dropped as long as the server keeps up', async t => {
  const server = await serverFor(t)
  const transport = await connectFor(t, server.url, { maxUnflushedBytes: 1024 * 1024 })
  const large = new Uint8Array(128 * 1024)
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 6; i++) t.true(transport.publish('x', large))
    await transport.flush()
  }
  t.is(transport.dropped, 0)
})

test('the largest message is what the server takes', async t => {
  const server = await serverFor(t, { config: 'max_payload: 1024' })
  const problems: unknown[] = []
  const transport = await connectFor(t, server.url, {
    onProblem: error => {
      problems.push(error)
    }
  })
  let arrived = 0
  transport.subscribe('x', () => {
    arrived++
  })
  t.is(transport.maxMessageBytes, 1024)
  t.throws(() => transport.publish('x', new Uint8Array(1025)), { code: 'LIMIT_EXCEEDED' })
  t.true(transport.publish('x', new Uint8Array(1024)))
  await waitFor(() => arrived === 1, 'the largest message')
  t.true(transport.connected)
  t.deepEqual(problems, [])
})

test('a server that comes back with a smaller limit is believed', async t => {
  const server = await serverFor(t)
  const transport = await connectFor(t, server.url)
  await server.kill()
  await waitFor(() => !transport.connected, 'the connection to be lost')
  await serverFor(t, { port: server.port, config: 'max_payload: 1024' })
  await waitFor(() => transport.connected, 'the connection to be found again')
  t.is(transport.maxMessageBytes, 1024)
})

test('an unreachable server is an error that names it and the fix', async t => {
  const port = await freePort()
  const error = await t.throwsAsync(() => connectFor(t, `nats://127.0.0.1:${port}`), {
    code: 'CONNECTION'
  })
  t.true(error.message.includes(`nats://127.0.0.1:${port}`))
  t.regex(error.message, /start nats-server/)
})

test('a server that takes the connection and says nothing is given up on', async t => {
  const server = await serverFor(t)
  server.signal('SIGSTOP')
  const error = await t.throwsAsync(() => connectFor(t, server.url, { connectTimeoutMs: 100 }), {
    code: 'CONNECTION'
  })
  t.regex(error.message, /no answer within 100 ms/)
})

test('unworkable options are refused before dialling, without quoting a password', async t => {
  for (const servers of [[], '', 'not a url', 'nats://user:secret@127.0.0.1:4222']) {
    const error = await t.throwsAsync(() => connectFor(t, servers), { code: 'CONFIG_INVALID' })
    t.false(error.message.includes('secret'))
  }
  await t.throwsAsync(
    () => connectFor(t, 'nats://127.0.0.1:4222', { inboxPrefix: 'not a subject' }),
    { code: 'CONFIG_INVALID' }
  )
})

test('a wrong password is refused at once, and a missing permission reported', async t => {
  const config =
    'authorization { users = [{ user: u, password: p, permissions: { publish: "ok.>", subscribe: ' +
    '["ok.>", "_INBOX_test.>"] } }] }'
  const server = await serverFor(t, { config })
  const error = await t.throwsAsync(() => connectFor(t, server.url, { user: 'u', pass: 'wrong' }), {
    code: 'CONNECTION'
  })
  t.regex(error.message, /refused the login/)

  const problems: string[] = []
  const transport = await connectFor(t, server.url, {
    user: 'u',
    pass: 'p',
    onProblem: problem => {
      problems.push((problem as Error).message)
    }
  })
  let arrived = 0
  transport.subscribe('ok.>', () => {
    arrived++
  })
  transport.subscribe(`${transport.inbox}.*`, () => undefined)
  const denied = transport.subscribe('secret', () => undefined)
  transport.publish('secret', one)
  transport.publish('ok.x', one)
  await waitFor(
    () => problems.length === 2 && arrived === 1,
    'two reports and the permitted message'
  )
  t.true(problems.some(problem => problem.includes('subscribing to secret')))
  t.true(problems.some(problem => problem.includes('publishing on secret')))
  t.true(transport.connected)
  denied.close()
})

test('a subscription the server refused is asked for again after a reconnect', async t => {
  const server = await serverFor(t, {
    config: 'authorization { users = [{ user: u, password: p, permissions: { subscribe: "ok" } }] }'
  })
  const problems: unknown[] = []
  const transport = await connectFor(t, server.url, {
    user: 'u',
    pass: 'p',
    onProblem: error => {
      problems.push(error)
    }
  })
  let arrived = 0
  transport.subscribe('secret', () => {
    arrived++
  })
  await waitFor(() => problems.length === 1, 'the refusal')
  await server.kill()
  await waitFor(() => !transport.connected, 'the connection to be lost')
  await serverFor(t, {
    port: server.port,
    config: 'authorization { users = [{ user: u, password: p }] }'
  })
  await waitFor(() => transport.connected, 'the connection to be found again')
  transport.publish('secret', one)
  await waitFor(() => arrived === 1, 'the message on the subject that was refused before')
  t.is(problems.length, 1)
})

test('a server that is down during the first connection is used later all the same', async t => {
  const [first, port] = [await serverFor(t), await freePort()]
  const inThisOrder = { uint32: () => 2 ** 32 - 1 }
  const transport = await connectFor(t, [`nats://127.0.0.1:${port}`, first.url], {
    random: inThisOrder
  })
  await serverFor(t, { port })
  await first.kill()
  await waitFor(() => !transport.connected, 'the connection to be lost')
  await waitFor(() => transport.connected, 'the connection to the other server')
  t.true(transport.publish('x', one))
  await transport.flush()
})

test('a server in lame duck mode is left for another one', async t => {
  const [first, port] = [await serverFor(t), await freePort()]
  const transport = await connectFor(t, [first.url, `nats://127.0.0.1:${port}`])
  const seen: boolean[] = []
  transport.onConnection(connected => {
    seen.push(connected)
  })
  const second = await serverFor(t, { port })
  const observer = await connectFor(t, second.url)
  let arrived = 0
  observer.subscribe('x', () => {
    arrived++
  })
  await observer.flush()
  first.signal('SIGUSR2')
  await waitFor(() => seen.length === 2, 'the move to the other server')
  t.deepEqual(seen, [false, true])
  transport.publish('x', one)
  await waitFor(() => arrived === 1, 'a message by way of the other server')
})
