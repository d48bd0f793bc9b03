/**
 * The plan of one run. It is decided before the run begins, from the seed alone, so that parts of
 * it can be left out to shrink a failure.
 */
import type { LinkFaults } from '../world/links.js'
import type { ConsumerPlan } from '../workloads/consumer.js'
import type { WritesPlan } from '../workloads/writes.js'
import type { IndexDeclaration } from '../../engine/query/query.js'
import type { Pace, Timing } from '../../engine/timing.js'
import type { WriteConcern } from '../../replication/deltas/write-concern.js'

export interface ClusterPlan {
  readonly name: string
  readonly nodes: readonly string[]
  /** Machines that join for a while. */
  readonly spares: readonly string[]
  readonly clients: readonly string[]
  readonly caches: Readonly<
    Record<
      string,
      {
        readonly shards: number,
        readonly groups: number,
        readonly replicas: number,
        readonly indexes?: IndexDeclaration
      }
    >
  >
}

const NEVER_COLLECTS = {
  collectIntervalMs: 60_000,
  tombstoneMinAgeMs: 600_000,
  tombstoneMaxAgeMs: 604_800_000
} as const

/**
 * The timing of a world. `fast`: the defaults, divided by one factor, so that a run of seconds sees
 * many heartbeats. `slow`: for worlds without faults in which thousands of consumers wait, each
 * with timers of its own. `collecting`: fast, and tombstones are dropped after seconds.
 * `forgetting`: tombstones are dropped even if some replica or consumer group has not seen them.
 * Worlds of the other paces end before any tombstone is old enough.
 */
export const PACES = {
  fast: {
    flushIntervalMs: 5,
    hintIntervalMs: 10,
    storeIntervalMs: 20,
    heartbeatMs: 100,
    failureTimeoutMs: 500,
    joinWaitMs: 150,
    settleMs: 200,
    memoryLostAfterMs: 8000,
    diskLostAfterMs: 8000,
    drainTimeoutMs: 2000,
    requestTimeoutMs: 400,
    ...NEVER_COLLECTS
  },
  collecting: {
    flushIntervalMs: 5,
    hintIntervalMs: 10,
    storeIntervalMs: 20,
    heartbeatMs: 100,
    failureTimeoutMs: 500,
    joinWaitMs: 150,
    settleMs: 200,
    memoryLostAfterMs: 8000,
    diskLostAfterMs: 8000,
    drainTimeoutMs: 2000,
    requestTimeoutMs: 400,
    collectIntervalMs: 400,
    tombstoneMinAgeMs: 3000,
    tombstoneMaxAgeMs: 600_000
  },
  forgetting: {
    flushIntervalMs: 5,
    hintIntervalMs: 10,
    storeIntervalMs: 20,
    heartbeatMs: 100,
    failureTimeoutMs: 500,
    joinWaitMs: 150,
    settleMs: 200,
    memoryLostAfterMs: 8000,
    diskLostAfterMs: 8000,
    drainTimeoutMs: 2000,
    requestTimeoutMs: 400,
    collectIntervalMs: 200,
    tombstoneMinAgeMs: 1000,
    tombstoneMaxAgeMs: 3000
  },
  slow: {
    flushIntervalMs: 5,
    hintIntervalMs: 10,
    storeIntervalMs: 20,
    heartbeatMs: 1000,
    failureTimeoutMs: 5000,
    joinWaitMs: 150,
    settleMs: 200,
    memoryLostAfterMs: 8000,
    diskLostAfterMs: 8000,
    drainTimeoutMs: 2000,
    requestTimeoutMs: 400,
    ...NEVER_COLLECTS
  }
} as const

/** What a slow machine of a world of another pace differs in: a rolling change of the timing. */
const SLOW_BEATS = { heartbeatMs: 2000, failureTimeoutMs: 6000 } as const

/**
 * The timing of one machine. In a world with slow beats every node finds out about them only by
 * listening, and a client adopts what it hears.
 */
export function timingOf (
  { pace, slowBeats }: Pick<Plan, 'pace' | 'slowBeats'>,
  machine: string,
  isClient: boolean
): Partial<Timing> {
  if (slowBeats.length === 0) return PACES[pace]
  if (slowBeats.includes(machine)) return { ...PACES[pace], ...SLOW_BEATS }
  const { heartbeatMs: _, failureTimeoutMs: __, ...rest } = PACES[pace]
  return isClient ? rest : PACES[pace]
}

/** The pace of the node with the longest time between two heartbeats. */
export function slowestPace ({ pace, slowBeats }: Pick<Plan, 'pace' | 'slowBeats'>): Pace {
  return slowBeats.length === 0 ? PACES[pace] : SLOW_BEATS
}

export interface Plan {
  readonly seed: number
  readonly pace: keyof typeof PACES
  /** How long the world is unkind. */
  readonly safetyMs: number
  /** How long it may take afterwards until all replicas and consumers agree. */
  readonly settleMs: number
  readonly limits: 'usual' | 'small'
  readonly maxMessageBytes: number
  readonly clusters: readonly ClusterPlan[]
  readonly writes: ReadonlyArray<WritesPlan & { readonly cluster: string }>
  readonly concerns: readonly WriteConcern[]
  readonly consumers: readonly ConsumerPlan[]
  readonly faults: readonly Fault[]
  /** Machines that stand still for moments whenever they start. */
  readonly slowStarts: readonly string[]
  /** Nodes whose heartbeats are far apart. */
  readonly slowBeats: readonly string[]
  /** Whether hints are lost at the end (checkers/lost-hints.ts). */
  readonly losesHints: boolean
}

/** A fault begins at `atMs` and lasts for `forMs`. */
export type Fault =
  & { readonly atMs: number, readonly forMs: number }
  & (
    | { readonly kind: 'links', readonly links: LinkFaults }
    | {
      readonly kind: 'partition',
      readonly from: readonly string[],
      readonly to: readonly string[],
      readonly oneWay: boolean
    }
    | { readonly kind: 'clog', readonly from: string, readonly to: string }
    | { readonly kind: 'break', readonly machine: string, readonly silentMs: number }
    | {
      readonly kind: 'crash',
      readonly machine: string,
      readonly disk: 'kept' | 'bit-flip' | 'old-copy' | 'wiped'
    }
    | { readonly kind: 'crash-all', readonly cluster: string }
    /**
     * All nodes at once, as soon as a writer is told that its write is durable. One may lose its
     * disk.
     */
    | { readonly kind: 'crash-at-ack', readonly cluster: string, readonly wiped?: string }
    | { readonly kind: 'pause', readonly machine: string }
    | { readonly kind: 'stall', readonly machine: string }
    | { readonly kind: 'flap', readonly machine: string }
    | { readonly kind: 'slow-disk', readonly machine: string }
    | { readonly kind: 'full-disk', readonly machine: string }
    | { readonly kind: 'copy-disk', readonly machine: string }
    | { readonly kind: 'clock-jump', readonly machine: string, readonly byMs: number }
    | { readonly kind: 'clock-skew', readonly machine: string, readonly rate: number }
    | { readonly kind: 'clock-freeze', readonly machine: string }
    | { readonly kind: 'leave', readonly machine: string }
    | { readonly kind: 'join', readonly machine: string }
    /** Another process runs under the name of a node for a while. */
    | { readonly kind: 'twin', readonly machine: string }
    /** The same, for good: the first process stands still or is cut off, and then goes on. */
    | {
      readonly kind: 'replace',
      readonly machine: string,
      readonly isCut: boolean,
      readonly clockByMs: number
    }
    | { readonly kind: 'hostile', readonly messages: number }
  )

/** The kinds from which a seed picks; others belong to a mix (mixes.ts). */
export const FAULT_KINDS = [
  'links',
  'partition',
  'clog',
  'break',
  'crash',
  'crash-all',
  'pause',
  'stall',
  'flap',
  'slow-disk',
  'full-disk',
  'copy-disk',
  'clock-jump',
  'clock-skew',
  'clock-freeze',
  'leave',
  'join',
  'twin',
  'hostile'
] as const satisfies ReadonlyArray<Fault['kind']>

export function describeFault (fault: Fault): string {
  const { kind, atMs, forMs, ...rest } = fault
  const details = Object.entries(rest).map(([name, value]) =>
    `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`
  ).join(', ')
  return `at ${atMs.toFixed(0)} ms for ${forMs.toFixed(0)} ms: ${kind}${
    details === '' ? '' : ` (${details})`
  }`
}
