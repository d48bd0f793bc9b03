/**
 * The time that the nodes agree on, as one process knows it (D18): the median of the wall clocks
 * that it hears, its own included where it is a node. Of an even number the earlier of the two in
 * the middle counts. So one clock that is a day ahead or minutes slow moves nothing.
 *
 * Heartbeats carry the wall clock of their node. From one arriving to the next, time goes on by the
 * monotonic clock of this process, and while its machine is suspended. A heartbeat that was late on
 * its way makes its node's clock look slow, never fast; so of the last few of a node the one that
 * makes it the fastest counts.
 *
 * A client has often heard only some of the nodes, as when it has just connected, and the clock of
 * one of two may be the wrong one. So a client goes by the median of what the nodes take the time
 * to be, which heartbeats carry too: the node with the wrong clock knows it as well as the others.
 *
 *   no node was heard     the process has its own wall clock alone, and goes by it
 *   a node has left       its clock counts for silentClockMs: a process that is cut off, or left
 *                         with one other in a rolling restart, must not begin to go by a clock
 *                         that is wrong
 */
import type { SharedTime } from '../../engine/base/hlc.js'
import type { Clock } from '../../engine/ports.js'
import type { Limits } from '../../engine/limits.js'
import { intervals } from '../../engine/timing.js'
import type { Heartbeat } from './heartbeat.js'

export interface ClusterTimeOptions {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'maxMembers'>
  /** The name of this node; a client has none, and its own clock does not count. */
  readonly self: string | undefined
}

interface HeardClock {
  /** What the node said less the time that has gone by here, of its last heartbeats. */
  readonly offsetsMs: number[]
  /** On the monotonic clock: a node that was heard before a suspension is not forgotten for it. */
  heardMs: number
}

const MAX_NAMED = 8

export class ClusterTime implements SharedTime {
  readonly #options: ClusterTimeOptions
  readonly #heard = new Map<string, HeardClock>()
  /** From the time that has gone by here to that of the nodes; undefined where none was heard. */
  #offsetMs: number | undefined

  constructor (options: ClusterTimeOptions) {
    this.#options = options
  }

  nowMs (): number {
    const { clock } = this.#options
    return this.#offsetMs === undefined ? clock.wallMs() : this.#goneByMs() + this.#offsetMs
  }

  #goneByMs (): number {
    const { clock } = this.#options
    return clock.monotonicMs() + (clock.suspendedMs?.() ?? 0)
  }

  get isShared (): boolean {
    return this.#offsetMs !== undefined
  }

  get owner (): string {
    return this.#options.self ?? 'this client'
  }

  get name (): string {
    if (!this.isShared) return `the clock of ${this.owner}, which hears no node`
    const { self } = this.#options
    const nodes = [...self === undefined ? [] : [self], ...this.#heard.keys()].sort()
    const more = nodes.length > MAX_NAMED ? ` and ${nodes.length - MAX_NAMED} more` : ''
    return `the ${self === undefined ? 'time' : 'median clock'} of ${
      nodes.slice(0, MAX_NAMED).join(', ')
    }${more}`
  }

  /** A heartbeat of another node; one of an older release does not say the time. */
  heard (id: string, { wallMs, timeMs }: Pick<Heartbeat, 'wallMs' | 'timeMs'>): void {
    const { clock, self, limits: { maxMembers } } = this.#options
    const saidMs = self === undefined ? timeMs ?? wallMs : wallMs
    if (saidMs === undefined) return
    const nowMs = clock.monotonicMs()
    const heard = this.#heard.get(id) ?? { offsetsMs: [], heardMs: nowMs }
    if (!this.#heard.has(id) && this.#heard.size >= maxMembers) return
    heard.offsetsMs.push(saidMs - this.#goneByMs())
    if (heard.offsetsMs.length > intervals.clockBeats) heard.offsetsMs.shift()
    heard.heardMs = nowMs
    this.#heard.set(id, heard)
    this.look()
  }

  /** Call it now and then: old clocks are forgotten, and this process's own may have been set. */
  look (): void {
    const { clock, self } = this.#options
    const nowMs = clock.monotonicMs()
    for (const [id, { heardMs }] of this.#heard) {
      if (nowMs - heardMs > intervals.silentClockMs) this.#heard.delete(id)
    }
    if (this.#heard.size === 0) {
      this.#offsetMs = undefined
      return
    }
    const heard = [...this.#heard.values()]
    const offsetsMs = heard.map(({ offsetsMs: last }) => Math.max(...last))
    if (self !== undefined) offsetsMs.push(clock.wallMs() - this.#goneByMs())
    offsetsMs.sort((a, b) => a - b)
    this.#offsetMs = offsetsMs[(offsetsMs.length - 1) >>> 1]
  }
}
