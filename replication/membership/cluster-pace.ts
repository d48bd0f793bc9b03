/**
 * The pace by which one process judges the silence of nodes (SPEC R13). Every heartbeat says what
 * its node is configured with, and the largest heartbeat interval and failure timeout in view count
 * for all: while a rolling change goes on, a node that beats slowly by intention is not taken for
 * gone by those that were not restarted yet. When the nodes agree again, their values count.
 *
 * A node counts its own configuration among the others. A client has none of its own to go by and
 * adopts the cluster's; a configuration of its own is only the least that it accepts.
 */
import { slowerPace, type Pace } from '../../engine/timing.js'
import type { OnEvent, TimingOfNodes } from '../events.js'
import type { Member } from './heartbeat.js'

export interface ClusterPaceOptions {
  /** As configured here. Members of a release that says none are taken to have the same. */
  readonly configured: Pace
  /** The name of this node; on a client the least pace that it accepts. */
  readonly self: { readonly id: string } | { readonly paceFloor: Pace }
  readonly onEvent: OnEvent
}

export class ClusterPace {
  readonly #options: ClusterPaceOptions
  #pace: Pace
  #differs = false

  constructor (options: ClusterPaceOptions) {
    this.#options = options
    this.#pace = options.configured
  }

  get pace (): Pace {
    return this.#pace
  }

  /** Call it whenever a member joined, left, or changed its timing. */
  look (members: Iterable<Member>): void {
    const { configured, self, onEvent } = this.#options
    const all = [...members]
    const before = this.#pace
    const own = 'id' in self || all.length === 0 ? configured : self.paceFloor
    this.#pace = all.reduce((most, { pace = configured }) => slowerPace(most, pace), own)
    const timings = this.#timings(all)
    const differs = timings.length > 1
    const { heartbeatMs, failureTimeoutMs } = this.#pace
    const changed = before.heartbeatMs !== heartbeatMs ||
      before.failureTimeoutMs !== failureTimeoutMs
    if (differs && (!this.#differs || changed)) {
      onEvent({ type: 'timing-differs', heartbeatMs, failureTimeoutMs, timings })
    } else if (this.#differs && !differs) {
      onEvent({ type: 'timing-agrees', heartbeatMs, failureTimeoutMs })
    }
    this.#differs = differs
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
