/**
 * The two messages of membership. A heartbeat says that a node is there, by which timing it beats,
 * what its wall clock shows, and what it holds: per cache its settings, and per placement group a
 * sequence, digests and a phase. Repair and routing need no more than that. A heartbeat takes
 * O(groups) bytes, however many records there are. A hello asks every node to send a heartbeat now.
 */
import * as v from '../../engine/base/schema.js'
import type { Limits } from '../../engine/limits.js'
import { boundedPace, type Pace } from '../../engine/timing.js'
import { PHASES, type Phase } from '../groups/phases.js'

/** The phases that every release knows: a heartbeat with another one in their place is refused. */
const FIRST_PHASES = ['syncing', 'ready', 'leaving'] as const
type FirstPhase = typeof FIRST_PHASES[number]

/** The first phase that is nearest to each: a node or client of an older release goes by it. */
const NEAREST: Readonly<Record<Phase, FirstPhase>> = {
  syncing: 'syncing',
  ready: 'ready',
  stale: 'syncing',
  leaving: 'leaving',
  stray: 'leaving'
}

const HeldTuple = v.tupleWithRest(
  [v.number(), v.number(), v.string(), v.string(), v.picklist(FIRST_PHASES)],
  v.string()
)

/** A time that a wall clock can show, in milliseconds since 1970. */
const ShownTime = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15))
const ClockTime = v.fallback(v.optional(ShownTime), undefined)

/** A phase as it stands in a heartbeat: the nearest first phase, and its name if that differs. */
export function phaseSaid (phase: Phase): [first: FirstPhase, ...name: Phase[]] {
  const first = NEAREST[phase]
  return first === phase ? [first] : [first, phase]
}

/** A name that is not known here is of a newer release. */
function phaseHeard (first: FirstPhase, name: string | undefined): Phase {
  return PHASES.find(phase => phase === name) ?? first
}

/** The schema of a heartbeat under these bounds. */
export function heartbeatSchema (limits: Limits) {
  const CacheState = v.object({
    shards: v.number(),
    groups: v.number(),
    replicas: v.number(),
    /** Where the node keeps the cache. Nodes of an older version leave it out. */
    store: v.optional(v.object({ id: v.string(), durable: v.boolean() })),
    /**
     * Whether the store has everything that is told here. Nodes of an older version leave it out,
     * which says no.
     */
    isStored: v.optional(v.boolean()),
    /**
     * [placement group, last published sequence, digest of the shards, digest of the committed
     * cursors, phase, its name where that is a later one]
     */
    held: v.pipe(v.array(HeldTuple), v.maxLength(limits.maxGroups))
  })
  return v.object({
    incarnation: v.number(),
    /**
     * When this life of the node began, by its wall clock, or just after the life before it where
     * that is later: of two processes under one name the later one has it. Nodes of an older
     * version leave it out.
     */
    beganMs: v.optional(v.number()),
    /**
     * When the last process of each name began that is about to join: it has to begin later. Left
     * out where none is, and by nodes of an older version. Times that no clock shows count as left
     * out.
     */
    began: v.fallback(v.optional(v.record(v.string(), ShownTime)), undefined),
    leaving: v.boolean(),
    zone: v.optional(v.string()),
    weight: v.number(),
    /** Nodes of an older version leave it out. Values out of range are brought into it. */
    timing: v.optional(
      v.pipe(
        v.object({ heartbeatMs: v.number(), failureTimeoutMs: v.number() }),
        v.transform((said): Pace => boundedPace(said))
      )
    ),
    /**
     * What the wall clock of the node shows, in milliseconds since 1970. Nodes of an older version
     * leave it out; one that no clock shows counts as left out.
     */
    wallMs: ClockTime,
    /** The time that all nodes agree on, as this one knows it. Left out as wallMs is. */
    timeMs: ClockTime,
    caches: v.record(v.string(), CacheState)
  })
}
export type Heartbeat = v.InferOutput<ReturnType<typeof heartbeatSchema>>
export type CacheState = Heartbeat['caches'][string]

/** A node says its name, so that another process of that name hears of it; a client has none. */
export const Hello = v.object({
  id: v.optional(v.string()),
  incarnation: v.optional(v.number())
})

export interface HeldGroup {
  readonly sequence: number
  readonly root: string
  readonly cursorRoot: string
  readonly phase: Phase
}

/** One process life of a node. Under one name there may be two for a while. */
export interface NodeLife {
  readonly id: string
  readonly incarnation: number
}

/** When a process began, among others of the same name. */
export interface NodeStart {
  readonly incarnation: number
  /**
   * By its wall clock, or just after the process before it where that is later. One of an older
   * version does not say.
   */
  readonly beganMs?: number | undefined
}

/** Whether `a` began after `b`, of two processes under one name (SPEC R17). */
export function beganLater (a: NodeStart, b: NodeStart): boolean {
  if (a.beganMs === undefined && b.beganMs === undefined) return true // as heard
  const laterMs = (a.beganMs ?? 0) - (b.beganMs ?? 0)
  return laterMs === 0 ? a.incarnation > b.incarnation : laterMs > 0
}

/** A node as its last heartbeat described it. */
export interface Member extends NodeLife, NodeStart {
  readonly zone?: string | undefined
  readonly weight: number
  readonly lastHeardMs: number
  /** The timing it is configured with, unless it is too old to say. */
  readonly pace?: Pace | undefined
  readonly caches: Readonly<
    Record<string, Omit<CacheState, 'held'> & { readonly held: ReadonlyMap<number, HeldGroup> }>
  >
}

/** @param nowMs monotonic time of the heartbeat's arrival */
export function memberOf (id: string, beat: Heartbeat, nowMs: number): Member {
  return {
    id,
    incarnation: beat.incarnation,
    beganMs: beat.beganMs,
    zone: beat.zone,
    weight: beat.weight,
    lastHeardMs: nowMs,
    pace: beat.timing,
    caches: Object.fromEntries(
      Object.entries(beat.caches).map(([cache, { held, ...shape }]) => [cache, {
        ...shape,
        held: new Map(
          held.map((
            [group, sequence, root, cursorRoot, first, name]
          ) => [group, { sequence, root, cursorRoot, phase: phaseHeard(first, name) }])
        )
      }])
    )
  }
}
