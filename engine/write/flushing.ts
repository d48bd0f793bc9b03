/**
 * How buffered writes come into the log and leave as deltas.
 *
 * The append comes first and everything else after it: if the log does not take them, they have no
 * dots, nobody was told of them, and they wait on in the buffer as if nothing had happened.
 */
import { sort } from '../record/record.js'
import { runsOf, type Run } from '../log/run.js'
import type { ShardState } from '../shard-state.js'
import type { StateVector } from '../base/state-vector.js'
import { encodeUpdate } from '../log/update.js'
import type { WriteBuffer } from './write-buffer.js'

/** @throws LogError (nothing changed) */
export function flushBuffer (
  state: ShardState,
  buffer: WriteBuffer,
  onDelta: (shard: number, delta: Uint8Array) => void
): void {
  const { shard, incarnation, log } = state
  const { entries, losers } = buffer.waiting
  const clock = state.end(incarnation)
  const run: Run = { incarnation, clock, length: entries.length, entries }
  if (entries.length > 0) log.append([...state.retiredPart(incarnation), run])
  buffer.clear()
  if (entries.length === 0) return
  entries.forEach((entry, i) => {
    entry.setDot(incarnation, clock + i)
  })
  // it lost a tie while it had no dot
  for (const entry of entries) {
    if (entry.next !== null && entry.isLaterThan(entry.next)) sort(state.index, entry.key)
  }
  state.moved()
  for (const delta of deltasOf(run, state.limits.maxDeltaBytes)) onDelta(shard, delta)
  // A loser has its dot now, and is admitted under it as on every other replica: of a write and its
  // retries the last one wins.
  for (const loser of losers) {
    loser.live = true
    state.admit(loser)
  }
  state.settle()
}

/** A run as deltas of at most so many bytes. */
function deltasOf (run: Run, maxBytes: number): Uint8Array[] {
  const delta = encodeUpdate([run])
  if (delta.length <= maxBytes || run.entries === null || run.length === 1) {
    return [delta]
  }
  const half = run.length >>> 1
  return [
    ...deltasOf({ ...run, length: half, entries: run.entries.slice(0, half) }, maxBytes),
    ...deltasOf({
      ...run,
      clock: run.clock + half,
      length: run.length - half,
      entries: run.entries.slice(half)
    }, maxBytes)
  ]
}

/** The log above `since`, in its canonical encoding. */
export function encodeAbove ({ log }: ShardState, since: StateVector): Uint8Array {
  const runs: Run[] = []
  for (const [incarnation, end] of log.stateVector) {
    const start = since.get(incarnation) ?? 0
    if (start < end) {
      runs.push(...runsOf(incarnation, start, end, log.current.live(incarnation, start)))
    }
  }
  return encodeUpdate(runs)
}
