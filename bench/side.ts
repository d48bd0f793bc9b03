/**
 * The work that each side of the engine benchmark can be told to do (engine-sides.ts).
 */
import type { Fields } from '../engine/base/values.js'
import type { BenchWrite } from './records.js'

export interface Side {
  /** Writes a batch and returns the messages a peer has to merge. */
  write(batch: readonly BenchWrite[]): Uint8Array[]
  /** Takes writes that are readable at once and need not be sent yet. */
  put(writes: readonly BenchWrite[]): void
  /** Sends the puts that wait, on a side that has such. */
  flush(): void
  merge(update: Uint8Array): void
  /** Size of everything a new peer would have to be sent. */
  encodedBytes(): number
  read(key: string): Fields | undefined
}

/** The time of all sides, for their versions. */
export const clock = {
  wallMs: () => performance.timeOrigin + performance.now(),
  monotonicMs: () => performance.now()
}
