/**
 * How buffered writes come into the log and leave as deltas.
 *
 * The append comes first and everything else after it. If the log does not take the entries, they
 * have no dots, no delta was emitted, and they wait in the buffer as if nothing had happened.
 */
import { sort } from '../record/record.js'
import { runsOf, type Run } from '../log/run.js'
import type { ShardState } from '../shard-state.js'
import type { StateVector } from '../base/state-vector.js'
import { encodeUpdate } from '../log/update.js'

/**
 * Logs what is buffered and emits it as deltas of at most limits.maxDeltaBytes.
 * @throws LogError: nothing was emitted, and the entries wait for the next flush
 */
export function flush (state: ShardState): void {
  const { shard, incarnation, log, pending, onDelta } = state
  if (pending.size === 0) return
  const { entries, losers } = pending.waiting
  const clock = state.end(incarnation)
  const run: Run = { incarnation, clock, length: entries.length, entries }
  if (entries.length > 0) log.append([...state.retiredPart(incarnation), run])
  pending.clear()
  if (entries.length === 0) return
  entries.forEach((entry, i) => {
    entry.setDot(incarnation, clock + i)
  })
  // Without a dot an entry loses every tie; with its dot it may win one.
  for (const entry of entries) {
    if (entry.next !== null && entry.isLaterThan(entry.next)) sort(state.index, entry.key)
  }
  state.moved()
  for (const delta of deltasOf(run, state.limits.maxDeltaBytes)) onDelta(shard, delta)
  // A loser is admitted under its dot, as on every other replica: of a write and its retries the
  // one with the greatest dot wins.
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
