/**
 * How a shard drops tombstones that no replica and no consumer needs any more, and incarnations
 * that own nothing live. Its floor is raised above all that it drops. See garbage.ts.
 */
import { floorOf, joinFloors, NO_FLOOR } from './floor.js'
import { collectable, type CollectOptions } from './garbage.js'
import type { ShardState } from '../shard-state.js'
import type { StateVector } from '../base/state-vector.js'

/** Drops tombstones. @returns how many */
export function collectTombstones (state: ShardState, options: CollectOptions): number {
  const dropped = collectable(state.index, options)
  if (dropped.length === 0) return 0
  state.floor = joinFloors(state.floor, floorOf(dropped), state.limits)
  const forced =
    dropped.filter(({ incarnation, clock }) => clock >= (options.stable.get(incarnation) ?? 0))
      .length
  for (const entry of dropped) state.drop(entry)
  state.report({
    type: 'tombstones-collected',
    shard: state.shard,
    dropped: dropped.length,
    forced
  })
  state.settle()
  return dropped.length
}

/** Takes incarnations that own nothing live out of the state vector. @returns their ids */
export function retireIncarnations (
  state: ShardState,
  stable: StateVector,
  inUse: ReadonlySet<number>
): number[] {
  const { log } = state
  const retired: number[] = []
  for (const [incarnation, end] of log.stateVector) {
    if (inUse.has(incarnation) || (stable.get(incarnation) ?? 0) < end) continue
    if (log.current.hasLive(incarnation)) continue
    retired.push(incarnation)
  }
  if (retired.length === 0) return retired
  state.floor = joinFloors(state.floor, {
    ...NO_FLOOR,
    below: new Map(retired.map(incarnation => [incarnation, log.end(incarnation)]))
  }, state.limits)
  log.forget(retired)
  state.moved()
  state.report({ type: 'incarnations-retired', shard: state.shard, count: retired.length })
  return retired
}
