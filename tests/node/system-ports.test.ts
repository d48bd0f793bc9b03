/**
 * The clock and timers of the system: the wall clock is read anew each time, and a delay longer
 * than setTimeout takes does not end at once.
 */
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import test from 'ava'
import { HybridClock } from '../../engine/base/hlc.js'
import { limits } from '../../engine/limits.js'
import { systemPorts } from '../../node/system-ports.js'

const MOST_MS = 2 ** 31 - 1

interface Planned {
  readonly delayMs: number
  readonly fire: () => void
}

test.serial('a delay of more than 24 days is waited for in pieces, and can be cancelled', t => {
  const planned: Planned[] = []
  const { setTimeout: real, clearTimeout: realClear } = globalThis
  t.teardown(() => {
    globalThis.setTimeout = real
    globalThis.clearTimeout = realClear
  })
  globalThis.setTimeout =
    ((fire: () => void, delayMs: number) =>
      planned.push({ fire, delayMs })) as unknown as typeof setTimeout
  const cleared: unknown[] = []
  globalThis.clearTimeout = (timeout: unknown) => {
    cleared.push(timeout)
  }
  let fired = 0
  const timer = systemPorts.timers.after(MOST_MS * 2 + 5, () => fired++)
  for (const waited of [1, 2]) {
    t.is(planned.length, waited)
    t.is(planned[waited - 1]?.delayMs, MOST_MS)
    planned[waited - 1]?.fire()
    t.is(fired, 0)
  }
  t.is(planned[2]?.delayMs, 5)
  timer.cancel()
  t.deepEqual(cleared, [3])
  planned[2]?.fire()
  t.is(fired, 1)
})

test.serial('a process that was suspended for two hours tells the time as it is (SPEC T1)', t => {
  const real = Date.now
  t.teardown(() => {
    Date.now = real
  })
  const clock = new HybridClock(systemPorts.clock, limits)
  const before = clock.next()
  for (const byMs of [7_200_000, -7_200_000, 0]) {
    Date.now = () => real() + byMs
    t.notThrows(() => clock.versionAt(new Date(Date.now())), `${byMs} ms later by the wall clock`)
    const toldMs = systemPorts.clock.wallMs()
    t.true(Math.abs(toldMs - Date.now()) < 60_000, `${toldMs}`)
  }
  t.true(clock.next() > before, 'versions never go back, whatever the wall clock does')
})

test.serial('the wall clock tells parts of a millisecond, within the one that it is', t => {
  const real = Date.now
  t.teardown(() => {
    Date.now = real
  })
  const at = Math.floor(real()) + 5_000
  Date.now = () => at
  const told = Array.from({ length: 5_000 }, () => systemPorts.clock.wallMs())
  t.deepEqual(told.filter(ms => Math.floor(ms) !== at), [])
  t.deepEqual(told.filter((ms, i) => ms < (told[i - 1] ?? 0)), [], 'it never goes back')
  t.true(told.some(ms => !Number.isInteger(ms)))
})

test.serial('a clock that was set is told from a machine that was suspended (SPEC T1)', t => {
  const real = { now: Date.now, uptime: os.uptime }
  t.teardown(() => {
    Date.now = real.now
    os.uptime = real.uptime
    syncBuiltinESMExports()
  })
  const suspendedMs = (): number => systemPorts.clock.suspendedMs?.() ?? NaN
  t.is(suspendedMs(), 0)
  Date.now = () => real.now() + 86_400_000
  t.is(suspendedMs(), 0, 'set a day ahead')
  Date.now = () => real.now() + 7_200_000
  os.uptime = () => real.uptime() + 7200
  syncBuiltinESMExports()
  const told = suspendedMs()
  t.true(Math.abs(told - 7_200_000) < 60_000, `${told}`)
  t.is(suspendedMs(), told, 'once and for all')
})
