/**
 * Every interval of the system, with its meaning, its range and its default. Code elsewhere names
 * an interval from here and never invents or derives one.
 *
 *   Timing      the settings of a configuration; those left out follow from heartbeatMs
 *   Pace        how often nodes are heard and which silence means that one is gone: of the whole
 *               cluster, as its heartbeats say (replication/membership/cluster-pace.ts, SPEC R13)
 *   functions   intervals derived from these two; a caller asks anew at each use, for the pace
 *               changes
 *   intervals   fixed ones, which no configuration needs to set
 *
 * An interval is here, a bound on resources is in limits.ts.
 */
import * as v from './base/schema.js'
import { ConfigError } from './errors.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const interval = (min: number, max = HOUR_MS) =>
  v.pipe(v.number(), v.minValue(min), v.maxValue(max))

/** Least and most of a setting, in a configuration and on the wire. */
const RANGES = { heartbeatMs: [10, 60_000], failureTimeoutMs: [30, 600_000] } as const

const DEFAULT_HEARTBEAT_MS = 500
/** Five heartbeats in a row may be lost before a node counts as gone. */
const BEATS_UNTIL_GONE = 6
/** With fewer, one lost heartbeat and a little delay would look like a dead node. */
const MIN_BEATS_UNTIL_GONE = 3
/** A whole heartbeat and some room: each node is heard once, even if the hello was lost. */
const BEATS_TO_JOIN = 1.4
/**
 * A newcomer listens so long at least, whatever its own heartbeat: the nodes it waits for have
 * heartbeats of their own, and answer its hello within MAX_BEAT_SOON_MS. The rest is for processes
 * that are busy.
 */
const MIN_JOIN_WAIT_MS = 700
/** Whatever their heartbeats, nodes answer a hello so soon: a newcomer does not know these yet. */
const MAX_BEAT_SOON_MS = 50

/** The `timing` of a node's or client's configuration. All values are milliseconds. */
export const TimingConfig = v.strictObject({
  /**
   * How long writes gather before they are logged and published, 0 to 3,600,000. Longer coalesces
   * more writes of one record, shorter replicates sooner; 1 to 50 is sensible. Default 5.
   */
  flushIntervalMs: v.optional(interval(0), 5),
  /**
   * How long changes gather before consumers are told, 0 to 3,600,000. Longer saves messages and
   * polls, shorter delivers sooner; 1 to 1,000 is sensible. Default 10.
   */
  hintIntervalMs: v.optional(interval(0), 10),
  /**
   * The longest a write waits for its way to disk when no caller asks for it, 0 to 3,600,000: what
   * a crash may lose here. Longer commits less often; 5 to 1,000 is sensible. Default 20.
   */
  storeIntervalMs: v.optional(interval(0), 20),
  /**
   * How often a node says that it is there and what it holds, 10 to 60,000. Shorter finds lost
   * messages and dead nodes sooner, and costs every node a message per interval and node; 100 to
   * 5,000 is sensible. A client sends none, and adopts the interval of its cluster; a value that
   * the client sets is the least by which it judges nodes. Default 500.
   */
  heartbeatMs: v.optional(interval(...RANGES.heartbeatMs)),
  /**
   * Silence after which a node counts as gone, 30 to 600,000 and at least three heartbeats. Shorter
   * moves its data and its writers elsewhere sooner, longer forgives pauses and lost heartbeats. On
   * a client only the least, as heartbeatMs. Default: six heartbeats.
   */
  failureTimeoutMs: v.optional(interval(...RANGES.failureTimeoutMs)),
  /**
   * How long a node listens for others before it takes part, 0 to 3,600,000. A node that listens
   * for less than a heartbeat may overlook that its name is taken. Where it hears a node with a
   * longer heartbeat than its own, it listens for at least 1.4 of that one's, whatever is set here.
   * Default: 1.4 heartbeats, and at least 700.
   */
  joinWaitMs: v.optional(interval(0)),
  /**
   * How long a node waits before it asks a second time whether another node is there, 0 to
   * 3,600,000, where nobody was the first time: only then it takes itself for the first holder of
   * its placement groups. Longer than clients of a NATS server that died take to find another one;
   * shorter has a first node ready sooner. Within one process it asks once. Default 1500.
   */
  settleMs: v.optional(interval(0), 1500),
  /**
   * How long a placement group that no node in view holds waits for a store in memory that had it,
   * 0 to 366 days: then the store is declared lost, and the group begins without it. Longer
   * forgives longer outages of the network, shorter serves again sooner. Default one minute.
   */
  memoryLostAfterMs: v.optional(interval(0, 366 * DAY_MS), 60_000),
  /** The same for a store on disk, whose node can be started again. Default 10 minutes. */
  diskLostAfterMs: v.optional(interval(0, 366 * DAY_MS), 600_000),
  /**
   * How long a node that is closed waits for others to take over its placement groups, 0 to
   * 3,600,000. Supervisors kill what takes longer than their grace period, often 10 or 30 s. With 0
   * it leaves at once, and what it alone had is gone until it is back. Default 8000.
   */
  drainTimeoutMs: v.optional(interval(0), 8000),
  /**
   * How often replicas look for tombstones that no replica or consumer needs any more, 10 to
   * 3,600,000. Shorter frees memory sooner, each look costs messages. Default one minute.
   */
  collectIntervalMs: v.optional(interval(10), 60_000),
  /**
   * A delete hides events that happened before it, however late they enter, for at least this long,
   * up to 366 days. Longer forgives later events, and keeps tombstones in memory. Default 10
   * minutes.
   */
  tombstoneMinAgeMs: v.optional(interval(0, 366 * DAY_MS), 600_000),
  /**
   * Tombstones older than this are dropped even where a replica or consumer has not seen them;
   * these are reset. Up to 366 days, and not less than tombstoneMinAgeMs. Default 7 days.
   */
  tombstoneMaxAgeMs: v.optional(interval(0, 366 * DAY_MS), 7 * DAY_MS),
  /**
   * How long another node may take to answer one question, 10 to 3,600,000, and the time of a read,
   * commit or status whose caller gives no `timeoutMs`, with all its attempts. Shorter tries the
   * next node sooner, longer gets large answers over slow links. Default 3000.
   */
  requestTimeoutMs: v.optional(interval(10), 3000)
})
type GivenTiming = v.InferOutput<typeof TimingConfig>

/** How often nodes are heard, and which silence means that one is gone. */
export interface Pace {
  readonly heartbeatMs: number
  readonly failureTimeoutMs: number
}

/** A checked configuration, with every value. */
export type Timing = { readonly [name in keyof GivenTiming]-?: number }

/** @throws ConfigError on values that contradict each other, quoting both */
export function timingOf (given: GivenTiming): Timing {
  const { heartbeatMs = DEFAULT_HEARTBEAT_MS, tombstoneMinAgeMs, tombstoneMaxAgeMs } = given
  const failureTimeoutMs = given.failureTimeoutMs ?? heartbeatMs * BEATS_UNTIL_GONE
  if (tombstoneMaxAgeMs < tombstoneMinAgeMs) {
    throw new ConfigError(
      `tombstoneMaxAgeMs ${tombstoneMaxAgeMs} is less than tombstoneMinAgeMs ${tombstoneMinAgeMs}`
    )
  }
  if (failureTimeoutMs < heartbeatMs * MIN_BEATS_UNTIL_GONE) {
    const most = Math.floor(failureTimeoutMs / MIN_BEATS_UNTIL_GONE)
    throw new ConfigError(
      `failureTimeoutMs ${failureTimeoutMs} is less than three times heartbeatMs ${heartbeatMs}` +
        `${given.heartbeatMs === undefined ? ' (the default)' : ''}: one lost heartbeat would ` +
        `look like a dead node; set heartbeatMs to at most ${most} too, or failureTimeoutMs to ` +
        `at least ${heartbeatMs * MIN_BEATS_UNTIL_GONE}`
    )
  }
  return {
    ...given,
    heartbeatMs,
    failureTimeoutMs,
    joinWaitMs: given.joinWaitMs ?? Math.max(MIN_JOIN_WAIT_MS, heartbeatMs * BEATS_TO_JOIN)
  }
}

/**
 * The timing of a client, which sends no heartbeats: a failure timeout alone is the least that it
 * accepts, and says nothing about heartbeats.
 * @throws ConfigError as timingOf
 */
export function clientTimingOf (given: GivenTiming): Timing {
  if (given.heartbeatMs !== undefined || given.failureTimeoutMs === undefined) {
    return timingOf(given)
  }
  const usualMs = DEFAULT_HEARTBEAT_MS * BEATS_UNTIL_GONE
  return timingOf({ ...given, failureTimeoutMs: Math.max(given.failureTimeoutMs, usualMs) })
}

/** The pace that a client insists on, however fast its cluster is: 0 where it sets nothing. */
export function paceFloor ({ heartbeatMs = 0, failureTimeoutMs }: GivenTiming): Pace {
  return { heartbeatMs, failureTimeoutMs: failureTimeoutMs ?? heartbeatMs * BEATS_UNTIL_GONE }
}

/** A pace as another node said it, brought into the ranges of a configuration. */
export function boundedPace (said: Pace): Pace {
  const clamp = (value: number, [min, max]: readonly [number, number]) =>
    Math.min(max, Math.max(min, value))
  const heartbeatMs = clamp(said.heartbeatMs, RANGES.heartbeatMs)
  const least = heartbeatMs * MIN_BEATS_UNTIL_GONE
  return {
    heartbeatMs,
    failureTimeoutMs: Math.max(least, clamp(said.failureTimeoutMs, RANGES.failureTimeoutMs))
  }
}

/** The larger of both values each. */
export function slowerPace (a: Pace, b: Pace): Pace {
  return {
    heartbeatMs: Math.max(a.heartbeatMs, b.heartbeatMs),
    failureTimeoutMs: Math.max(a.failureTimeoutMs, b.failureTimeoutMs)
  }
}

/**
 * How long a heartbeat out of turn waits for more news. A client that connects waits for such a
 * heartbeat.
 */
export function beatSoonMs ({ heartbeatMs }: Pick<Timing, 'heartbeatMs'>): number {
  return Math.min(heartbeatMs / 10, MAX_BEAT_SOON_MS)
}

/** How often the view is searched for silent members: a silence is seen one heartbeat late. */
export function sweepIntervalMs ({ heartbeatMs }: Pace): number {
  return heartbeatMs
}

/** How long a node that joins listens: longer than it was set to where the pace is slower. */
export function joinWaitMs (timing: Timing, { heartbeatMs }: Pace): number {
  return heartbeatMs <= timing.heartbeatMs
    ? timing.joinWaitMs
    : Math.max(timing.joinWaitMs, heartbeatMs * BEATS_TO_JOIN)
}

/** How long a gap may close by itself: a batch that the next one overtook is a flush behind. */
export function gapPatienceMs ({ flushIntervalMs }: Pick<Timing, 'flushIntervalMs'>): number {
  return flushIntervalMs * 4
}

/** How long writes wait for company before they are sent to an owner: less than a flush. */
export function writeBatchDelayMs ({ flushIntervalMs }: Pick<Timing, 'flushIntervalMs'>): number {
  return Math.min(2, flushIntervalMs)
}

/** The part of the time for an answer that its way back may take: the rest is the replicas'. */
export function answerReserveMs (waitMs: number): number {
  return Math.min(intervals.maxAnswerReserveMs, waitMs / 4)
}

/**
 * How long one of several nodes may take that could all answer: a silent one leaves the others as
 * much of the time.
 */
export function attemptMs (
  { requestTimeoutMs }: Pick<Timing, 'requestTimeoutMs'>,
  leftMs: number,
  nodes: number
): number {
  return Math.min(requestTimeoutMs, leftMs / Math.max(1, nodes))
}

/** Pause before a write is tried elsewhere, after so many attempts. */
export function writeRetryMs (attempts: number): number {
  return Math.min(intervals.maxWriteRetryMs, intervals.minWriteRetryMs * 2 ** (attempts - 1))
}

/** Pause before a commit is tried again, after so many failures in a row. */
export function storeRetryMs (failures: number): number {
  return Math.min(intervals.maxStoreRetryMs, intervals.minStoreRetryMs * 2 ** (failures - 1))
}

/** Pause after a flush: flushing costs a bounded share of the time, and latency stays bounded. */
export function flushRestMs (tookMs: number): number {
  return Math.min(intervals.maxFlushRestMs, tookMs * intervals.flushRestFactor)
}

/**
 * How often a consumer looks for lost hints. Two looks in a row must see different heartbeats, or
 * every change would look like a lost hint; and two looks end within five heartbeats (SPEC C6).
 */
export function hintCheckIntervalMs ({ heartbeatMs }: Pace): number {
  return heartbeatMs * 2
}

/**
 * How long a shard may be ahead of every replica before it is read again from the start: longer
 * than a node that has the rest may be away without being given up.
 */
export function behindPatienceMs ({ failureTimeoutMs }: Pace): number {
  return failureTimeoutMs * 3
}

/** How long to wait for the heartbeat of a node that another node named: then the node is gone. */
export function namedNodePatienceMs ({ failureTimeoutMs }: Pace): number {
  return failureTimeoutMs
}

/** How long `ingest` gives a write: to notice that a node died and to find the next one. */
export function ingestTimeoutMs ({ failureTimeoutMs }: Pace): number {
  return Math.max(20_000, failureTimeoutMs * 3)
}

/** How long `consume` tries to commit where no owner answers, while nodes come and go. */
export function commitPatienceMs ({ failureTimeoutMs }: Pace): number {
  return Math.max(10_000, failureTimeoutMs * 3)
}

/** The smallest rate that a consumer can be given, in records per second. */
export function leastRatePerSecond (): number {
  return 1000 / intervals.maxRecordGapMs
}

/** Intervals, and counts of heartbeats, that no configuration needs to set. */
export const intervals = Object.freeze({
  /** How often the command that runs a node says what the node waits for before it is ready. */
  readyReportMs: 5000,
  /** How often a node that leaves looks whether the others have taken over. */
  drainLookMs: 50,
  /** How long changes of the roster gather before they are written down; a commit takes longer. */
  rosterSaveMs: 100,
  /**
   * Heartbeats in a row with the same difference between two replicas before it is repaired. Under
   * load replicas differ in most heartbeats, because something is on its way; that is not the same
   * difference twice.
   */
  stillBeats: 2,
  /** Heartbeats in a row with any difference before it is repaired: at 500 ms, every 10 s. */
  movingBeats: 20,
  /** A flush is put off by this many times what the last one took ... */
  flushRestFactor: 10,
  /** ... but never by more than this (flushRestMs). */
  maxFlushRestMs: 50,
  /**
   * How long work may keep a turn of the event loop before timers and messages get theirs
   * (turns.ts). Small beside a heartbeat and the 50 ms that a turn may take, with the piece that
   * was under way; large beside the few microseconds that a turn costs.
   */
  turnBudgetMs: 10,
  /**
   * How often fields that have expired are written down, for consumers to hear of it; reads leave
   * them out on time without that.
   */
  expirySweepMs: 1000,
  /** The pause within a long sweep, so that the node does other things most of the time. */
  expiryRestMs: 50,
  /**
   * How often it is told again that a shard cannot read what a newer release wrote, and that a
   * peer is asked for such a shard again: it may have become history meanwhile.
   */
  newerReleaseToldMs: 60_000,
  /**
   * How often a placement group with such a shard, or with one that refuses what a peer has for
   * another reason, is compared with that peer, for the sake of its other shards: their deltas are
   * merged as they come, and a gap in them is mended at once. A shard of the second sort is fetched
   * as often: each time costs its whole difference.
   */
  refusedRestMs: 10_000,
  /**
   * Within this time it is told at most timingToldTimes whether nodes agree on their timing: a
   * rolling change is told at once, and a node that starts again and again does not fill the log.
   */
  timingToldMs: 60_000,
  timingToldTimes: 4,
  /**
   * A wall clock that differs by more from those of the nodes is told of. A late heartbeat makes
   * out less, and a write may be dated further ahead.
   */
  clockDiffersMs: 10_000,
  /**
   * Of so many heartbeats of a node the one that makes its clock the fastest counts: one that is
   * late on its way says too little, and a clock that was set back is known after as many.
   */
  clockBeats: 4,
  /**
   * How long the clock of a node that has left still counts: longer than a restart takes, or than
   * the network is away as a rule.
   */
  silentClockMs: 600_000,
  /** How long a write may take to reach its write concern, where the caller does not say. */
  writeTimeoutMs: 5000,
  /** The most of a write's time that is left to the answer of its owner: a busy loop's turn. */
  maxAnswerReserveMs: 100,
  /** The longest a caller may give a write, as every interval of a configuration. */
  maxWriteTimeoutMs: HOUR_MS,
  /** The first pause before a write is tried elsewhere; it doubles each time (writeRetryMs). */
  minWriteRetryMs: 10,
  /**
   * The longest such pause. Trying goes on until the time the write was given is up: a server that
   * restarts takes seconds.
   */
  maxWriteRetryMs: 500,
  /**
   * The first pause before the holders of a placement group are asked again because none could
   * answer; it doubles each time.
   */
  minReadRetryMs: 10,
  /**
   * The longest that the rate of a consumer may leave between two records: 0.001 in a second. A
   * smaller rate is a mistake in a unit, and would look like a consumer that hangs.
   */
  maxRecordGapMs: 1_000_000,
  /**
   * Pause of a consumer where no holder could answer or continue its cursor, and between two looks
   * for the cursors that its consumer group committed.
   */
  consumerRetryMs: 20,
  /** How often a tally is told: of events that may come thousands of times a second. */
  tallyMs: 1000,
  /**
   * Pause before a failed commit is tried again; it doubles with every failure, and a full disk is
   * nothing to hammer on.
   */
  minStoreRetryMs: 100,
  /** The longest such pause: how late it may be noticed that space was freed. */
  maxStoreRetryMs: 5000,
  /**
   * Opening a store waits this long for another process to let go of the file; the event loop
   * stands still meanwhile.
   */
  storeLockWaitMs: 250,
  /**
   * How long a client looks for the cluster's nodes, where it does not say. Nodes answer a hello
   * within MAX_BEAT_SOON_MS; the rest is for nodes that start at the same time and for processes
   * that are busy.
   */
  connectTimeoutMs: 3000,
  /** How long the first connection to NATS may take, over all servers. */
  natsConnectTimeoutMs: 3000,
  /** One attempt at one server: a second one must still fit into the time for the connection. */
  natsDialTimeoutMs: 2000,
  /** Between two attempts at the same server ... */
  natsReconnectWaitMs: 250,
  /** ... and up to so much more, at random: clients do not all meet a restarted server at once. */
  natsReconnectJitterMs: 750,
  /** How often a NATS server is pinged; after two without an answer the connection is dead. */
  natsPingIntervalMs: 5000,
  /** How long closing waits for published messages to reach the server. */
  natsCloseTimeoutMs: 2000,
  /**
   * How long a network of the program's own may take to close before closing fails by name: longer
   * than NATS takes, for a network that also waits for its last messages.
   */
  ownCloseTimeoutMs: 5000,
  /**
   * How long a closing node waits for a store to write what is left and to close, together, before
   * closing fails by name: longer than a full buffer takes on a slow disk, shorter than the 30 s
   * that supervisors commonly give a process to end.
   */
  storeCloseTimeoutMs: 12_000,
  /** How long each step back may take where opening failed: the caller waits for the reason. */
  undoTimeoutMs: 2000,
  /** Pause between attempts of `consume` to commit (commitPatienceMs). */
  commitRetryMs: 250,
  /** How often `dump` looks whether a node was heard by now (namedNodePatienceMs). */
  namedNodePollMs: 10,
  /** The demo's nodes are alone on their network: there is hardly anything to listen for. */
  demoJoinWaitMs: 50,
  /** How often the demo looks whether its nodes are ready, or have settled. */
  demoPollMs: 5,
  /** How long the demo lets replicas and consumers settle, beside the time its slow one needs. */
  demoSettleMs: 20_000
})
