/** Whether a node is there that is not heard: within one process, and on a real server. */
import test, { type ExecutionContext } from 'ava'
import { limits } from '../../../engine/limits.js'
import type { Ports } from '../../../engine/ports.js'
import { systemPorts } from '../../../node/system-ports.js'
import { Presence } from '../../../replication/membership/presence.js'
import { Messenger } from '../../../replication/messages/messenger.js'
import { subjectsOf } from '../../../replication/messages/subjects.js'
import { InProcessNetwork } from '../../../replication/transport/in-process/network.js'
import { connectNats } from '../../../replication/transport/nats/nats-transport.js'
import type { Transport } from '../../../replication/transport/transport.js'
import { startNatsServer } from '../../support/nats-server.js'
import { timingWith } from '../../support/timing.js'
import { VirtualTime } from '../../support/virtual-time.js'

const subjects = subjectsOf('unit')

function presenceOn (transport: Transport, ports: Ports, incarnation: number, settleMs = 50) {
  const onEvent = () => {}
  const messenger = new Messenger({ transport, ports, limits, onEvent })
  const timing = timingWith({ settleMs, requestTimeoutMs: 200 })
  return new Presence(
    { cache: 'prices', limits, timing, messenger, subjects, ports, onEvent },
    incarnation
  )
}

function inProcess () {
  const time = new VirtualTime(1)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const join = (name: string, incarnation: number, isWhole = true): Presence => {
    const transport = Object.assign(network.connect(name), { isWhole })
    return presenceOn(transport, time.ports(name), incarnation)
  }
  return { time, network, join }
}

test('a node finds any other by the digit in which their incarnations differ', async t => {
  const { time, join } = inProcess()
  const own = 0xdead_beef
  const a = join('a', own)
  t.true(await time.wait(a.isQuiet([])))
  for (let bit = 0; bit < 32; bit++) {
    const b = join(`b${bit}`, (own ^ (1 << bit)) >>> 0)
    t.false(await time.wait(a.isQuiet([])), `bit ${bit}`)
    t.true(await time.wait(a.isQuiet([(own ^ (1 << bit)) >>> 0])), 'one that is known')
    b.close()
  }
  t.true(await time.wait(a.isQuiet([])))
})

test('of nodes that begin at once none takes itself for the only one (SPEC R20)', async t => {
  const { time, join } = inProcess()
  for (let round = 0; round < 20; round++) {
    const ids = [time.random.uint32(), time.random.uint32()]
    const both = ids.map((id, i) => join(`${round} ${i}`, id))
    const quiet = await time.wait(Promise.all(both.map(each => each.isQuiet([]))))
    t.deepEqual(quiet, [false, false])
    for (const each of both) each.close()
  }
})

test('a connection that is lost between two questions answers neither (SPEC R20)', async t => {
  const { time, network, join } = inProcess()
  const a = join('a', 7, false)
  const asked = a.isQuiet([])
  await time.advance(30)
  network.disconnect('a')
  network.reconnect('a')
  t.false(await time.wait(asked))
  t.true(await time.wait(a.isQuiet([])))
})

async function onServer (t: ExecutionContext) {
  const server = await startNatsServer()
  const open: Transport[] = []
  t.teardown(async () => {
    await Promise.all(open.map(transport => transport.close()))
    await server.stop()
  })
  return async (name: string): Promise<Transport> => {
    const transport = await connectNats({ servers: server.url, name, limits, ...systemPorts })
    open.push(transport)
    return transport
  }
}

test('a server tells a node that is silent from none at all (SPEC R20)', async t => {
  const connect = await onServer(t)
  const a = presenceOn(await connect('a'), systemPorts, 0x0000_0001)
  t.true(await a.isQuiet([]))
  const b = await connect('b')
  // As a stopped process: it is subscribed, and answers nothing.
  b.subscribe(subjects.there('prices', 0, 2), () => {})
  await b.flush()
  t.false(await a.isQuiet([]))
  t.true(await a.isQuiet([2]), 'it is known')
  await b.close()
  t.true(await a.isQuiet([]))
})
