/**
 * How a shard takes over the whole state of a peer (D6). The peer has dropped tombstones that this
 * shard had not seen, so no replica can tell this shard any more what those tombstones hid. The
 * shard finds out by comparing: of every entry that the peer has seen, it drops the fields and
 * claims that the peer no longer has, and the entry when nothing is left.
 */
import type { Claim } from '../fields/kinds.js'
import { kindOf } from '../fields/lookup.js'
import type { Entry } from '../record/entry.js'
import { joinFloors, type Floor } from '../garbage/floor.js'
import { isMute } from '../garbage/garbage.js'
import { mergeRuns, type MergeResult } from './merging.js'
import { buryAgain } from '../write/own-writes.js'
import { claimsOf, entriesOf } from '../record/record.js'
import type { Run } from '../log/run.js'
import type { ShardState } from '../shard-state.js'
import { covers } from '../base/state-vector.js'

/** @param runs the peer's whole state; `floor` is the peer's too */
export function resetTo (state: ShardState, runs: readonly Run[], floor: Floor): MergeResult {
  const live = new Map<string, Content>()
  const seen = new Map(floor.below)
  for (const { incarnation, clock, length, entries } of runs) {
    seen.set(incarnation, clock + length)
    for (const entry of entries ?? []) live.set(dotOf(entry), contentOf(entry))
  }
  const before = state.known
  const result = mergeRuns(state, runs, false)
  if (result.outcome === 'gap' || result.outcome === 'refused') return result
  const entries = [...state.index.values()].flatMap(entriesOf)
  let dropped = 0
  for (const entry of entries) {
    if (!entry.live || entry.clock >= (seen.get(entry.incarnation) ?? 0)) continue
    const theirs = live.get(dotOf(entry))
    if (
      theirs === undefined ||
      !state.keepOnly(
        entry,
        name => theirs.fields.has(name),
        claim => theirs.claims.has(nameOf(claim))
      )
    ) {
      state.drop(entry)
      dropped++
    }
  }
  // Fields that only one side has seen, and whose tombstones the other side has dropped, are unset
  // with writes: a third replica may have seen those fields. Where each side lies below the floor
  // of the other, this goes for the entries that came with the snapshot too.
  const theirsToo = !covers(seen, state.floor.below)
  for (const entry of entries) {
    if (!entry.live || isMute(entry)) continue
    const isMine = entry.clock >= (seen.get(entry.incarnation) ?? 0)
    const isTheirs = entry.clock >= (before.get(entry.incarnation) ?? 0)
    if (isMine) buryAgain(state, entry, floor)
    if (theirsToo && isTheirs) buryAgain(state, entry, state.floor)
  }
  state.floor = joinFloors(state.floor, floor, state.limits)
  state.report({ type: 'shard-reset', shard: state.shard, dropped })
  return {
    outcome: 'merged',
    entries: result.outcome === 'merged' ? result.entries : 0,
    maxVersion: result.outcome === 'merged' ? result.maxVersion : 0
  }
}

/**
 * The fields and claims that an entry still wins at the peer. Noted before the entry is admitted
 * here, where it may lose more.
 */
interface Content {
  readonly fields: ReadonlySet<string>
  readonly claims: ReadonlySet<string>
}

function contentOf (entry: Entry): Content {
  return {
    fields: new Set(Object.keys(entry.fields)),
    claims: new Set(claimsOf(entry).map(nameOf))
  }
}

function dotOf ({ incarnation, clock }: Entry): string {
  return `${incarnation}:${clock}`
}

/** Tells the claims of one entry apart. */
function nameOf (claim: Claim): string {
  return JSON.stringify([claim.kind, claim.field, kindOf(claim).nameOf(claim)])
}
