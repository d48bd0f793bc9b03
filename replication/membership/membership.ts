/**
 * The nodes that are there: each sends heartbeats (own-beats.ts), and a node that is silent for too
 * long has left (members.ts). The slowest node in view decides how long that is (cluster-pace.ts),
 * and all of them what time it is (cluster-time.ts).
 * A client listens and sends no heartbeats. Messages and timers come in here, and are passed to
 * these parts.
 */
import { everyStep } from '../../engine/base/every-step.js'
import * as v from '../../engine/base/schema.js'
import type { Timer } from '../../engine/ports.js'
import { sweepIntervalMs, type Pace } from '../../engine/timing.js'
import type { BeatListener, ClusterContext, View } from '../contexts.js'
import { tokenFromEnd } from '../messages/subjects.js'
import type { Subscription } from '../transport/transport.js'
import { ClusterPace } from './cluster-pace.js'
import { ClusterTime } from './cluster-time.js'
import { ClockWatch } from './clock-watch.js'
import { Hello, heartbeatSchema, type Heartbeat, type Member, type NodeLife } from './heartbeat.js'
import { Hearing } from './hearing.js'
import { Members } from './members.js'
import { beginsMs, NameStarts } from './name-starts.js'
import { OwnBeats } from './own-beats.js'
import { OwnName } from './own-name.js'

export interface OwnNode extends NodeLife {
  /** A process that began later runs under this name: this one is to give way. */
  readonly onNameLost?: (incarnation: number) => void
  /** The content of its heartbeats, beside name, timing and time. */
  readonly describe: () => Pick<Heartbeat, 'zone' | 'weight' | 'caches'>
}

export interface OwnClient {
  /** The pace that it insists on: 0 where it goes by the nodes alone. */
  readonly paceFloor: Pace
}

export class Membership implements View {
  /** The time that the nodes agree on. */
  readonly time: ClusterTime
  readonly #context: ClusterContext
  readonly #self: OwnNode | undefined
  readonly #heartbeat: ReturnType<typeof heartbeatSchema>
  readonly #members: Members
  readonly #starts: NameStarts
  readonly #pace: ClusterPace
  readonly #ownClock: ClockWatch
  readonly #beats: OwnBeats
  #name: OwnName | undefined
  /** When this node began, once it counts. */
  #beganMs: number | undefined
  /** When the last process of this node's name began, as far as was told. */
  #lastBeganMs: number | undefined
  readonly #hearing: Hearing
  readonly #beatListeners = new Set<BeatListener>()
  readonly #leftListeners = new Set<(member: Member) => void>()
  readonly #subscriptions: Subscription[]
  #sweepTimer: Timer | undefined
  /** When the next sweep is due, by the monotonic clock. */
  #sweepAtMs = Infinity
  #ownChanges = 0
  #closed = false

  constructor (context: ClusterContext, self: OwnNode | OwnClient) {
    this.#context = context
    const { messenger, subjects, limits, timing, ports, onEvent } = context
    this.#self = 'id' in self ? self : undefined
    this.#name = this.#ownName()
    this.#heartbeat = heartbeatSchema(limits)
    this.#starts = new NameStarts({ clock: ports.clock, limits })
    this.#hearing = new Hearing({ transport: messenger.transport, timers: ports.timers })
    this.time = new ClusterTime({ clock: ports.clock, limits, self: this.#self?.id })
    this.#ownClock = new ClockWatch({ clock: ports.clock, time: this.time, onEvent })
    this.#pace = new ClusterPace({ configured: timing, self, clock: ports.clock, onEvent })
    this.#beats = new OwnBeats({
      timers: ports.timers,
      timing,
      send: leaving => this.#send(leaving)
    })
    this.#members = new Members({
      clock: ports.clock,
      maxMembers: limits.maxMembers,
      onEvent,
      onChanged: () => {
        this.#pace.look(this.members.values())
        this.#sweepWithin(sweepIntervalMs(this.pace))
      },
      onBeat: (member, silentMs) => {
        const joined = silentMs === Infinity
        const wasAway = silentMs > this.pace.failureTimeoutMs
        if (joined) this.#beats.soon() // so that the newcomer knows this node at once
        for (const listener of this.#beatListeners) listener(member, { joined, wasAway })
      },
      onLeft: (member, why) => {
        if (why === 'silent') this.#starts.fellSilent(member)
        messenger.nodeLeft(member.id)
        for (const listener of this.#leftListeners) listener(member)
      }
    })
    this.#subscriptions = [
      messenger.on(
        subjects.heartbeats,
        'heartbeat',
        (value, subject) => this.#heard(tokenFromEnd(subject, 0), value)
      ),
      messenger.on(subjects.hello, 'hello', value => this.#greeted(value))
    ]
    this.#sweepWithin(sweepIntervalMs(this.pace))
  }

  /** Other nodes that are alive as far as is known here, by name. */
  get members (): ReadonlyMap<string, Member> {
    return this.#members.byName
  }

  /**
   * Grows whenever a node joined, left, or entered another phase of a placement group, this one
   * included. Anything computed from these may be kept until then.
   */
  get viewVersion (): number {
    return this.#members.changes + this.#ownChanges
  }

  /** The pace by which nodes are judged now. It changes: ask anew at each use. */
  get pace (): Pace {
    return this.#pace.pace
  }

  /** Set when another process was heard under this node's name. */
  get takenBy (): number | undefined {
    return this.#name?.takenBy
  }

  /** Something that this node holds changed: tell the others soon. */
  selfChanged (): void {
    this.#ownChanges++
    this.#beats.soon()
  }

  onBeat (listener: BeatListener): void {
    this.#beatListeners.add(listener)
  }

  onLeft (listener: (member: Member) => void): void {
    this.#leftListeners.add(listener)
  }

  /**
   * Starts to send heartbeats: from here on this node counts. It has begun after every process of
   * its name that it was told of, however far its own clock is behind (SPEC R17).
   */
  start (): void {
    this.#beganMs = beginsMs(this.#context.ports.clock.wallMs(), this.#lastBeganMs)
    this.#name?.begins(this.#beganMs)
    this.#beats.start()
  }

  /** A heartbeat at once. */
  beatNow (): void {
    this.#beats.now()
  }

  /** A heartbeat out of turn, because something worth telling changed. */
  beatSoon (): void {
    this.#beats.soon()
  }

  /** Asks every node to send a heartbeat now. */
  hello (): void {
    const { messenger, subjects } = this.#context
    const self = this.#self
    messenger.send(
      subjects.hello,
      'hello',
      self === undefined ? {} : { id: self.id, incarnation: self.incarnation }
    )
  }

  #greeted (value: unknown): void {
    const hello = v.safeParse(Hello, value)
    const { id, incarnation = 0 } = hello.success ? hello.output : {}
    if (id !== undefined) this.#starts.greeted({ id, incarnation }, this.members)
    if (this.#name === undefined || this.#beats.beating || !this.#name.is(id)) this.#beats.soon()
    else if (this.#name.heardHello(incarnation)) this.hello()
  }

  #send (leaving: boolean): void {
    const { messenger, subjects, ports, timing: { heartbeatMs, failureTimeoutMs } } = this.#context
    const self = this.#self
    if (self === undefined) return
    const began = this.#starts.told(this.members, this.pace.failureTimeoutMs)
    const beat: Heartbeat = {
      incarnation: self.incarnation,
      ...this.#beganMs === undefined ? {} : { beganMs: this.#beganMs },
      ...began === undefined ? {} : { began },
      leaving,
      timing: { heartbeatMs, failureTimeoutMs },
      wallMs: ports.clock.wallMs(),
      timeMs: this.time.nowMs(),
      ...self.describe()
    }
    messenger.send(subjects.heartbeat(self.id), 'heartbeat', beat)
  }

  #heard (id: string, value: unknown): void {
    const { onEvent, subjects } = this.#context
    const parsed = v.safeParse(this.#heartbeat, value)
    if (!parsed.success) {
      onEvent({ type: 'message-refused', subject: subjects.heartbeat(id), reason: 'shape' })
      return
    }
    const beat = parsed.output
    if (this.#name?.is(id) === true) {
      if (!beat.leaving) this.#name.heardBeat(beat)
      return
    }
    // One of this very process, sent under the name that it gave up.
    if (beat.incarnation === this.#self?.incarnation) return
    this.#toldStart(beat)
    // Before listeners hear of the node: they may go by the time.
    this.time.heard(id, beat)
    const reason = this.#members.heard(id, beat)
    if (reason !== undefined) {
      onEvent({ type: 'message-refused', subject: subjects.heartbeat(id), reason })
    }
  }

  /** Another process under this node's name is told of as well once this one counts: too late. */
  #toldStart ({ began = {} }: Heartbeat): void {
    const self = this.#self
    if (self === undefined || this.#beats.beating || !Object.hasOwn(began, self.id)) return
    this.#lastBeganMs = Math.max(this.#lastBeganMs ?? 0, began[self.id] ?? 0)
  }

  /**
   * Plans the next sweep, or brings it forward. It is never put off: a pace that changes more often
   * than it comes would put it off for ever.
   */
  #sweepWithin (delayMs: number): void {
    const { clock, timers } = this.#context.ports
    const atMs = clock.monotonicMs() + delayMs
    if (this.#closed || atMs >= this.#sweepAtMs) return
    this.#sweepTimer?.cancel()
    this.#sweepAtMs = atMs
    this.#sweepTimer = timers.after(delayMs, () => this.#sweep())
  }

  #sweep (): void {
    this.#sweepAtMs = Infinity
    this.time.look()
    this.#ownClock.look()
    if (this.#members.isAnySilent(this.pace.failureTimeoutMs)) {
      this.#hearing.caughtUp(sweepIntervalMs(this.pace), () => this.#judge())
    } else this.#judge()
    this.#sweepWithin(sweepIntervalMs(this.pace))
  }

  #judge (): void {
    this.#members.sweep(this.pace.failureTimeoutMs)
    this.#pace.look(this.members.values())
  }

  #ownName (): OwnName | undefined {
    const self = this.#self
    return self === undefined
      ? undefined
      : new OwnName(
        {
          id: self.id,
          incarnation: self.incarnation,
          beganMs: this.#beganMs
        },
        this.#context.onEvent,
        incarnation => {
          // One that does not count yet does not join instead (SPEC R9).
          if (this.#beats.beating) self.onNameLost?.(incarnation)
        }
      )
  }

  /** This node goes by another name from now on: whoever has the one before is another node. */
  renamed (): void {
    this.#name = this.#ownName()
    this.hello()
    this.#beats.soon()
  }

  /** Says goodbye and stops. */
  close (): void {
    this.#closed = true
    this.#hearing.close()
    this.#sweepTimer?.cancel()
    everyStep([
      () => this.#beats.close(),
      ...this.#subscriptions.map(subscription => () => subscription.close())
    ])
  }
}
