/** The timers of the system: a delay longer than setTimeout takes does not end at once. */
import test from 'ava'
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
