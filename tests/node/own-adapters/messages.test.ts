/** Messages that no transport may deliver: each is dropped and told, and the node goes on. */
import test from 'ava'
import type { IncomingMessage, Transport } from '../../../adapters.js'
import { connect, openNode, type MillpondEvent } from '../../../index.js'
import { networkWith, revoked, throwing, untyped } from '../../support/own-adapters.js'
import { VirtualTime } from '../../support/virtual-time.js'

const config = { cluster: 'messages', name: 'a', caches: { offers: { shards: 4, replicas: 1 } } }
const bytes = new Uint8Array(8)

/** A node over a transport whose subscriptions and listeners the test calls itself. */
async function openListening () {
  const time = new VirtualTime(1)
  const handlers = new Map<string, (message: IncomingMessage) => void>()
  const listeners: Array<(connected: boolean) => void> = []
  const problems: unknown[] = []
  const { network } = networkWith(transport => {
    const subscribe = transport.subscribe.bind(transport)
    const onConnection = transport.onConnection.bind(transport)
    return {
      subscribe: (...[pattern, handler]: Parameters<Transport['subscribe']>) => {
        handlers.set(pattern, handler)
        return subscribe(pattern, handler)
      },
      onConnection: (listener: (connected: boolean) => void) => {
        listeners.push(listener)
        return onConnection(listener)
      }
    }
  })
  const onEvent = (event: MillpondEvent): void => {
    if (event.type === 'connection-problem') problems.push(event.error)
  }
  const wiring = { network, ports: time.ports('a'), onEvent }
  const node = await time.wait(openNode(config, wiring))
  return { time, node, handlers, listeners, problems, network }
}

test('a message that cannot be is dropped and told by its part (SPEC B4)', async t => {
  const { time, node, handlers, problems } = await openListening()
  const cases: Array<[message: unknown, text: RegExp]> = [
    [undefined, /deliver messages, and gave undefined/],
    [null, /deliver messages, and gave null/],
    ['text', /deliver messages, and gave "text"/],
    [Promise.reject(new Error('late')), /whose subject is undefined/],
    [{}, /whose subject is undefined; it must be a subject/],
    [{ subject: 5, bytes }, /whose subject is number 5/],
    [{ subject: 'a b', bytes }, /whose subject is "a b"/],
    [{ subject: 'a' }, /whose bytes is undefined; it must be a Uint8Array/],
    [{ subject: 'a', bytes: 'text' }, /whose bytes is "text"/],
    [{ subject: 'a', bytes: [1] }, /whose bytes is an array/],
    [{ subject: 'a', bytes: Object.create(Uint8Array.prototype) }, /whose bytes is a Uint8Array/],
    [{ subject: 'a', bytes, replyTo: 5 }, /whose replyTo is number 5/],
    [{ subject: 'a', bytes, replyTo: '' }, /whose replyTo is ""/],
    [{ subject: 'a', bytes, noResponders: 1 }, /whose noResponders is number 1/],
    [{
      get subject () {
        return throwing(new Error('odd'))()
      }
    }, /odd/],
    [revoked(), /revoked/]
  ]
  for (const [message, text] of cases) {
    for (const handler of handlers.values()) t.notThrows(() => handler(untyped(message)))
    await time.advance(2000)
    const told = problems.splice(0)
    t.is(told.length, 1, 'once a second')
    t.regex((told[0] as Error).message, text)
  }
  await time.wait(node.cache('offers').put('k', { n: 1 }))
  t.deepEqual(await node.cache('offers').get('k'), { n: 1 })
  await time.wait(node.close())
})

test('a connection that is no boolean is told and changes nothing (SPEC B4)', async t => {
  const { time, node, listeners, problems } = await openListening()
  for (const given of [undefined, null, 'up', 1, Promise.reject(new Error('late')), revoked()]) {
    for (const listener of listeners) t.notThrows(() => listener(untyped(given)))
    await time.advance(2000)
    const [told] = problems.splice(0)
    t.regex(String(told), /^TypeError: .*listener of onConnection with true or false, got /)
  }
  await time.wait(node.cache('offers').put('k', { n: 1 }))
  await time.wait(node.close())
})

test('a listener of ours that throws never throws into the adapter (SPEC B4)', async t => {
  const { time, node, network, listeners } = await openListening()
  const cause = new Error('a mistake')
  const problems: unknown[] = []
  const client = await time.wait(connect({ cluster: config.cluster }, {
    network,
    ports: time.ports('c'),
    onEvent: event => {
      if (event.type === 'connection-problem') problems.push(event.error)
    },
    onInside: ({ messenger }) => {
      messenger.transport.onConnection(throwing(cause))
    }
  }))
  for (const listener of listeners) t.notThrows(() => listener(true))
  t.deepEqual(problems, [cause])
  await time.wait(client.close())
  await time.wait(node.close())
})

test('nothing is taken from a subscription that is closed', async t => {
  const { time, node, handlers, listeners, problems } = await openListening()
  await time.wait(node.close())
  for (const handler of handlers.values()) handler({ subject: 'a.b', bytes })
  for (const listener of listeners) listener(false)
  t.deepEqual(problems, [])
})
