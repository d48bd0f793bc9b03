/**
 * The pace by which one process judges the silence of nodes (SPEC R13). Every heartbeat says what
 * its node is configured with, and the largest heartbeat interval and failure timeout in view count
 * for all: while a rolling change goes on, a node that beats slowly by intention is not taken for
 * gone by those that were not restarted yet. When the nodes agree again, their values count.
 *
 * A node counts its own configuration among the others. A client has none of its own to go by and
 * adopts the cluster's; a configuration of its own is only the least that it accepts.
 *
 * That nodes differ, or agree again, is told when it is so. A node that comes and goes, or changes
 * its timing all the time, would have it told without end: after a few times the latest is told
 * once the rest is over.
 */
import type { Clock } from '../../engine/ports.js'
import { intervals, slowerPace, type Pace } from '../../engine/timing.js'
import type { OnEvent, TimingOfNodes } from '../events.js'
import type { Member } from './heartbeat.js'

export interface ClusterPaceOptions {
  /** As configured here. Members of a release that says none are taken to have the same. */
  readonly configured: Pace
  /** The name of this node; on a client the least pace that it accepts. */
  readonly self: { readonly id: string } | { readonly paceFloor: Pace }
  readonly clock: Clock
  readonly onEvent: OnEvent
}

const AGREED = 'agreed'

export class ClusterPace {
  readonly #options: ClusterPaceOptions
  #pace: Pace
  /** What was told last, as a name of it: nodes agree until it is told that they differ. */
  #told = AGREED
  /** When it was told, within the last timingToldMs. */
  #toldAtMs: number[] = []

  constructor (options: ClusterPaceOptions) {
    this.#options = options
    this.#pace = options.configured
  }

  get pace (): Pace {
    return this.#pace
  }

  /**
   * Call it whenever a member joined, left, or changed its timing, and now and then besides: what
   * could not be told at once is told then.
   */
  look (members: Iterable<Member>): void {
    const { configured, self } = this.#options
    const all = [...members]
    const own = 'id' in self || all.length === 0 ? configured : self.paceFloor
    this.#pace = all.reduce((most, { pace = configured }) => slowerPace(most, pace), own)
    this.#tell(this.#timings(all))
  }

  #tell (timings: readonly TimingOfNodes[]): void {
    const { onEvent } = this.#options
    const { heartbeatMs, failureTimeoutMs } = this.#pace
    const differs = timings.length > 1
    const now = differs ? `${heartbeatMs} ${failureTimeoutMs}` : AGREED
    if (now === this.#told || !this.#mayTell()) return
    this.#told = now
    if (differs) onEvent({ type: 'timing-differs', heartbeatMs, failureTimeoutMs, timings })
    else onEvent({ type: 'timing-agrees', heartbeatMs, failureTimeoutMs })
  }

  #mayTell (): boolean {
    const nowMs = this.#options.clock.monotonicMs()
    this.#toldAtMs = this.#toldAtMs.filter(atMs => nowMs - atMs < intervals.timingToldMs)
    if (this.#toldAtMs.length >= intervals.timingToldTimes) return false
    this.#toldAtMs.push(nowMs)
    return true
  }

  /** The configurations of the nodes in view, each once. */
  #timings (members: readonly Member[]): TimingOfNodes[] {
    const { configured, self } = this.#options
    const nodes = members.map(({ id, pace }) => ({ id, pace }))
    if ('id' in self) nodes.push({ id: self.id, pace: configured })
    const timings = new Map<string, { pace: Pace, nodes: string[] }>()
    for (const { id, pace = 'id' in self ? configured : undefined } of nodes) {
      if (pace === undefined) continue
      const name = `${pace.heartbeatMs} ${pace.failureTimeoutMs}`
      const same = timings.get(name)
      if (same === undefined) timings.set(name, { pace, nodes: [id] })
      else same.nodes.push(id)
    }
    return [...timings.values()].map(({ pace, nodes: of }) => ({
      heartbeatMs: pace.heartbeatMs,
      failureTimeoutMs: pace.failureTimeoutMs,
      nodes: of.sort()
    }))
  }
}
