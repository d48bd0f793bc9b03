/**
 * How a shard takes over a peer's whole state, because tombstones it had not seen were dropped
 * there: nobody can tell it any more what they hid, so what is history to the peer becomes history
 * here: entries it no longer has, and what it no longer has of the others. See garbage.ts.
 */
import type { Claim } from '../fields/kinds.js'
import { kindOf } from '../fields/lookup.js'
import type { Entry } from '../record/entry.js'
import { joinFloors, type Floor } from '../garbage/floor.js'
import { isMute } from '../garbage/garbage.js'
import { mergeRuns, type MergeResult } from './merging.js'
import { claimsOf, entriesOf } from '../record/record.js'
import type { Run } from '../log/run.js'
import type { ShardState } from '../shard-state.js'
import { covers } from '../base/state-vector.js'

/**
 * @param runs the peer's whole state
 * @param unset ends those fields of an entry that have a grave in a floor
 */
export function resetTo (
  state: ShardState,
  runs: readonly Run[],
  floor: Floor,
  unset: (entry: Entry, floor: Floor) => void
): MergeResult {
  const live = new Map<string, Content>()
  const seen = new Map(floor.below)
  for (const { incarnation, clock, length, entries } of runs) {
    seen.set(incarnation, clock + length)
    for (const entry of entries ?? []) live.set(dotOf(entry), contentOf(entry))
  }
  const before = state.known
  const result = mergeRuns(state, runs)
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
  // What only one side knows, and was deleted on the other: unset as a write like any other,
  // because third parties may have seen it. When each lies below the other's floor, this goes for
  // what came with the snapshot too.
  const theirsToo = !covers(seen, state.floor.below)
  for (const entry of entries) {
    if (!entry.live || isMute(entry)) continue
    const isMine = entry.clock >= (seen.get(entry.incarnation) ?? 0)
    const isTheirs = entry.clock >= (before.get(entry.incarnation) ?? 0)
    if (isMine) unset(entry, floor)
    if (theirsToo && isTheirs) unset(entry, state.floor)
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
 * What an entry still wins where it comes from. Taken before it is admitted here, where it may lose
 * more.
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
