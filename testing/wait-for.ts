/** Waits for a condition instead of for a time, and names the condition when it never holds. */
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 2

/**
 * The deadline is not a measurement: it is far above the time a slow machine needs, and only ends a
 * test that hangs.
 */
export async function waitFor (
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 20_000
): Promise<void> {
  const start = performance.now()
  while (!await condition()) {
    if (performance.now() - start > deadlineMs) {
      throw new Error(`waited ${deadlineMs} ms in vain for ${what}`)
    }
    await sleep(POLL_MS)
  }
}
