/**
 * Time, timers and chance of a program's own. Each is called once when a node or client opens; one
 * that fails later is told once, and the node goes on.
 */
import test, { type ExecutionContext } from 'ava'
import { connect, createNetwork, openNode, type Ports } from '../../../index.js'
import { systemPorts } from '../../../adapters.js'
import { guardedPorts } from '../../../node/own-adapters/guarded-ports.js'
import { revoked, throwing, unhandledRejections, untyped } from '../../support/own-adapters.js'
import { VirtualTime } from '../../support/virtual-time.js'

const config = { cluster: 'ports', name: 'a', caches: { offers: { shards: 4, replicas: 1 } } }
const later = (): Promise<never> => Promise.reject(new Error('later'))

type Parts = { readonly [part in keyof Ports]?: object }

/** The system's ports with some calls replaced. */
function portsWith ({ clock, timers, random }: Parts, of: Ports = systemPorts): Ports {
  return {
    clock: {
      wallMs: () => of.clock.wallMs(),
      monotonicMs: () => of.clock.monotonicMs(),
      ...clock
    },
    timers: { after: (delayMs, fn) => of.timers.after(delayMs, fn), ...timers },
    random: { uint32: () => of.random.uint32(), ...random }
  }
}

/** The warnings of the process about ports, so far. */
function portWarnings (t: ExecutionContext): string[] {
  const warnings: string[] = []
  const onWarning = ({ message }: Error): void => {
    if (message.startsWith('ports.')) warnings.push(message)
  }
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  return warnings
}

test.serial('a port that cannot be is refused by name (SPEC B3)', async t => {
  const rejections = unhandledRejections(t)
  const odd = throwing(new Error('no clock'))
  const cases: Array<[parts: Parts, message: RegExp]> = [
    [{ clock: { wallMs: () => NaN } }, /^ports\.clock\.wallMs must give .* since 1970, got number/],
    [{ clock: { wallMs: () => -1 } }, /clock\.wallMs .*got number -1$/],
    [{ clock: { wallMs: () => 1e15 } }, /clock\.wallMs .*got number 1000000000000000$/],
    [{ clock: { wallMs: () => new Date() } }, /clock\.wallMs .*got a Date \(/],
    [{ clock: { wallMs: () => 5n } }, /clock\.wallMs .*got bigint 5$/],
    [{ clock: { wallMs: later } }, /clock\.wallMs .*got a Promise$/],
    [{ clock: { wallMs: odd } }, /^ports\.clock\.wallMs failed: no clock$/],
    [{ clock: { monotonicMs: () => undefined } }, /clock\.monotonicMs must give .*got undefined$/],
    [{ clock: { monotonicMs: odd } }, /clock\.monotonicMs failed: no clock$/],
    [{ clock: { suspendedMs: () => NaN } }, /clock\.suspendedMs must give .*got number NaN$/],
    [{ timers: { after: () => undefined } }, /timers\.after failed: it must return a Timer/],
    [{ timers: { after: () => 5 } }, /timers\.after failed: it must return a Timer/],
    [{ timers: { after: later } }, /timers\.after failed: it must return a Timer, not a promise/],
    [{ timers: { after: odd } }, /timers\.after failed: no clock$/],
    [
      { timers: { after: (_: number, fn: () => void) => (fn(), { cancel: () => {} }) } },
      /timers\.after failed: it must not call before it returns$/
    ],
    [{ timers: { after: () => ({ cancel: odd }) } }, /timers\.after failed: no clock$/],
    [{ random: { uint32: () => 0.5 } },
      /random\.uint32 must give a whole number .*got number 0\.5$/],
    [{ random: { uint32: () => 2 ** 32 } }, /random\.uint32 .*got number 4294967296$/],
    [{ random: { uint32: () => -1 } }, /random\.uint32 .*got number -1$/],
    [{ random: { uint32: () => '5' } }, /random\.uint32 .*got "5"$/],
    [{ random: { uint32: revoked } }, /random\.uint32 .*got something without a form/],
    [{ random: { uint32: odd } }, /random\.uint32 failed: no clock$/]
  ]
  const network = createNetwork()
  for (const [parts, message] of cases) {
    const wrong = { instanceOf: TypeError, message }
    const wiring = { network, ports: portsWith(parts) }
    await t.throwsAsync(openNode(config, wiring), wrong)
    await t.throwsAsync(connect({ cluster: config.cluster }, wiring), wrong)
  }
  t.deepEqual(await rejections(), [])
})

test.serial('a port that fails later is told once, and the node goes on (SPEC B4)', async t => {
  const rejections = unhandledRejections(t)
  const warnings = portWarnings(t)
  const cases: Array<[broken: Parts, message: RegExp]> = [
    [{ clock: { wallMs: throwing(new Error('gone')) } }, /^ports\.clock\.wallMs failed: gone; /],
    [{ clock: { wallMs: () => NaN } }, /^ports\.clock\.wallMs gave number NaN; /],
    [{ clock: { wallMs: later } }, /^ports\.clock\.wallMs gave a Promise; /],
    [{ clock: { monotonicMs: throwing(revoked()) } }, /^ports\.clock\.monotonicMs failed: /],
    [{ clock: { monotonicMs: () => null } }, /^ports\.clock\.monotonicMs gave null; /],
    [{ clock: { monotonicMs: () => -1e9 } }, /^ports\.clock\.monotonicMs went back from /],
    [{ timers: { after: throwing(new Error('gone')) } }, /^ports\.timers\.after failed: gone; /],
    [{ timers: { after: () => undefined } }, /^ports\.timers\.after failed: it must return/]
  ]
  for (const [parts, message] of cases) {
    let broken: Parts = {}
    const port = (name: keyof Ports, call: string) => (...given: unknown[]): unknown => {
      const ports = untyped(portsWith(broken)) as { [name: string]: { [call: string]: Function } }
      return ports[name]?.[call]?.(...given)
    }
    const network = createNetwork()
    const node = await openNode(config, {
      network,
      ports: {
        clock: untyped({
          wallMs: port('clock', 'wallMs'),
          monotonicMs: port('clock', 'monotonicMs')
        }),
        timers: untyped({ after: port('timers', 'after') }),
        random: untyped({ uint32: port('random', 'uint32') })
      }
    })
    await node.whenReady()
    const offers = node.cache('offers')
    await offers.put('k', { n: 1 })
    broken = parts
    for (let n = 2; n < 9; n++) await offers.put('k', { n }, { ack: 'durable' })
    t.like(await offers.get('k'), { n: 8 })
    const client = await connect({ cluster: config.cluster }, { network, ports: portsWith({}) })
    await client.cache('offers').increment('k', 'c', 1)
    await client.close()
    await node.close()
    t.is(warnings.length, 1, message.source)
    t.regex(String(warnings.pop()), message)
  }
  t.deepEqual(await rejections(), [])
})

test.serial('chance that fails later is told, and the system’s stands in (SPEC B4)', async t => {
  const warnings = portWarnings(t)
  const given: unknown[] = [7, 2 ** 32, undefined]
  const { random } = guardedPorts(portsWith({ random: { uint32: () => given.shift() } }))
  t.is(random.uint32(), 7)
  for (let i = 0; i < 4; i++) t.true(Number.isInteger(random.uint32()))
  await new Promise(resolve => setImmediate(resolve))
  t.is(warnings.length, 1)
  t.regex(String(warnings[0]), /^ports\.random\.uint32 gave number 4294967296; /)
})

test.serial('a node whose clock stands still goes on with its timers (SPEC B4)', async t => {
  const warnings = portWarnings(t)
  const time = new VirtualTime(1)
  const ports = portsWith({ clock: { monotonicMs: () => 5 } }, time.ports('a'))
  const node = await time.wait(openNode(config, { ports }), 'a node without time')
  await time.wait(node.whenReady())
  await time.wait(node.cache('offers').put('k', { n: 1 }))
  await t.throwsAsync(time.wait(node.cache('offers').update('k', untyped(later))))
  await time.wait(node.close())
  t.is(warnings.length, 1)
  t.regex(String(warnings[0]), /^ports\.clock\.monotonicMs stood still at 5 while \d+ ms went by; /)
})

test('a guarded clock shows the time of the given one', t => {
  let nowMs = 0.1
  const given = { clock: { monotonicMs: () => nowMs, wallMs: () => nowMs } }
  const { clock } = guardedPorts(portsWith(given))
  for (const ms of [0.1, 0.3, 1e6 + 0.7]) {
    nowMs = ms
    t.is(clock.monotonicMs(), ms)
    t.is(clock.wallMs(), ms)
  }
})

test('a guarded timer calls once, and never after it was cancelled', t => {
  const fns: Array<() => void> = []
  const after = (_: number, fn: () => void) => (fns.push(fn), { cancel: throwing(undefined) })
  const { timers } = guardedPorts(portsWith({
    timers: {
      after: (delayMs: number, fn: () => void) =>
        delayMs === 0 ? systemPorts.timers.after(0, fn) : after(delayMs, fn)
    }
  }))
  let calls = 0
  timers.after(5, () => calls++)
  const cancelled = timers.after(5, () => calls++)
  cancelled.cancel()
  for (const fn of [...fns, ...fns]) fn()
  t.is(calls, 1)
})
