/**
 * Who is there: every node sends a heartbeat; who is silent for too long has left. Views may differ
 * between nodes for a while, which CRDTs make harmless.
 *
 *   unknown --heartbeat--> member --goodbye, silence, or a newer life under the same name--> left
 *
 * A heartbeat also says what the node holds: per cache its settings, and per placement group a
 * sequence, digests and a phase. That is all anti-entropy and routing need, at O(groups) bytes
 * however many records there are.
 *
 * Out of scope: agreement. Nothing here elects or locks anything.
 */
import * as v from '../../engine/base/schema.js'
import { limits } from '../../engine/limits.js'
import type { Ports, Timer } from '../../engine/ports.js'
import type { OnEvent } from '../events.js'
import type { Messenger } from '../messages/messenger.js'
import { tokenFromEnd, type Subjects } from '../messages/subjects.js'
import type { Subscription } from '../transport/transport.js'

export const PHASES = ['syncing', 'ready', 'leaving'] as const
export type Phase = typeof PHASES[number]

const GroupState = v.tuple([v.number(), v.number(), v.string(), v.string(), v.picklist(PHASES)])
const CacheState = v.object({
  shards: v.number(),
  groups: v.number(),
  replicas: v.number(),
  /**
   * [group, last published sequence, digest of the shards, digest of the committed cursors, phase]
   */
  held: v.pipe(v.array(GroupState), v.maxLength(limits.maxGroups))
})
const Heartbeat = v.object({
  incarnation: v.number(),
  leaving: v.boolean(),
  zone: v.optional(v.string()),
  weight: v.number(),
  caches: v.record(v.string(), CacheState)
})
/** Who asks, when it is a node; clients have no name that could be taken. */
const Hello = v.object({ id: v.optional(v.string()), incarnation: v.optional(v.number()) })
export type CacheState = v.InferOutput<typeof CacheState>
export type Heartbeat = v.InferOutput<typeof Heartbeat>

export interface HeldGroup {
  readonly sequence: number
  readonly root: string
  readonly cursorRoot: string
  readonly phase: Phase
}

export interface Member {
  readonly id: string
  readonly incarnation: number
  readonly zone?: string | undefined
  readonly weight: number
  readonly lastHeardMs: number
  readonly caches: Readonly<
    Record<string, Omit<CacheState, 'held'> & { readonly held: ReadonlyMap<number, HeldGroup> }>
  >
}

export interface MembershipOptions {
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly ports: Ports
  readonly heartbeatMs: number
  readonly failureTimeoutMs: number
  readonly onEvent: OnEvent
  /** This node's name and what its heartbeats say; absent for clients, which only listen. */
  readonly self?: {
    readonly id: string,
    readonly incarnation: number,
    readonly describe: () => Omit<Heartbeat, 'leaving' | 'incarnation'>
  }
}

type Listener = (member: Member, joined: boolean) => void

export class Membership {
  readonly #options: MembershipOptions
  readonly #members = new Map<string, Member>()
  /** Lives that ended a moment ago, and when: what still arrives of them was under way. */
  readonly #ended = new Map<string, number>()
  readonly #beatListeners = new Set<Listener>()
  readonly #leftListeners = new Set<(member: Member) => void>()
  readonly #subscriptions: Subscription[]
  #beatTimer: Timer | undefined
  #sweepTimer: Timer | undefined
  #soonTimer: Timer | undefined
  #beating = false
  #epoch = 0

  constructor (options: MembershipOptions) {
    this.#options = options
    const { messenger, subjects } = options
    this.#subscriptions = [
      messenger.on(
        subjects.heartbeats,
        'heartbeat',
        (value, subject) => this.#receive(tokenFromEnd(subject, 0), value)
      ),
      messenger.on(subjects.hello, 'hello', value => this.#greeted(value))
    ]
    this.#sweepTimer = options.ports.timers.after(options.heartbeatMs, () => this.#sweep())
  }

  /** Other nodes that are alive as far as is known here, by name. */
  get members (): ReadonlyMap<string, Member> {
    return this.#members
  }

  /**
   * Grows whenever somebody joined, left, or holds something else than before: what is computed
   * from that may be kept until then.
   */
  get epoch (): number {
    return this.#epoch
  }

  /** Something that this node holds changed: tell the others soon. */
  selfChanged (): void {
    this.#epoch++
    this.beatSoon()
  }

  /** Calls back at every heartbeat of another node, `joined` telling whether it is new here. */
  onBeat (listener: Listener): void {
    this.#beatListeners.add(listener)
  }
  onLeft (listener: (member: Member) => void): void {
    this.#leftListeners.add(listener)
  }

  /** Asks every node to send a heartbeat now. */
  hello (): void {
    const { self, messenger, subjects } = this.#options
    messenger.send(
      subjects.hello,
      'hello',
      self === undefined ? {} : { id: self.id, incarnation: self.incarnation }
    )
  }

  /**
   * Of two processes that begin under one name at the same time, neither heard a heartbeat of the
   * other: the one with the greater incarnation gives way.
   */
  #greeted (value: unknown): void {
    const { self } = this.#options
    const hello = v.safeParse(Hello, value)
    const { id, incarnation = 0 } = hello.success ? hello.output : {}
    if (self === undefined || this.#beating || id !== self.id || incarnation === self.incarnation) {
      this.beatSoon()
    } else if (incarnation < self.incarnation) this.#nameTaken(id, incarnation)
    else this.hello() // it may not have been there when we said it
  }

  /** Starts to send heartbeats: from here on this node counts. */
  start (): void {
    this.#beating = true
    this.#beat()
  }

  /**
   * A heartbeat out of turn, because something worth telling changed; several reasons share one.
   */
  beatSoon (): void {
    if (!this.#beating || this.#soonTimer !== undefined) return
    this.#soonTimer = this.#options.ports.timers.after(this.#options.heartbeatMs / 10, () => {
      this.#soonTimer = undefined
      this.#beat()
    })
  }

  #beat (): void {
    this.#beatTimer?.cancel()
    if (!this.#beating) return
    this.#send(false)
    this.#beatTimer = this.#options.ports.timers.after(
      this.#options.heartbeatMs,
      () => this.#beat()
    )
  }

  #send (leaving: boolean): void {
    const { self, messenger, subjects } = this.#options
    if (self === undefined) return
    const beat: Heartbeat = { incarnation: self.incarnation, leaving, ...self.describe() }
    messenger.send(subjects.heartbeat(self.id), 'heartbeat', beat)
  }

  #receive (id: string, value: unknown): void {
    const { self, onEvent, ports, subjects } = this.#options
    const parsed = v.safeParse(Heartbeat, value)
    if (!parsed.success) {
      onEvent({ type: 'message-refused', subject: subjects.heartbeat(id), reason: 'shape' })
      return
    }
    const beat = parsed.output
    if (self?.id === id) {
      if (beat.incarnation !== self.incarnation && !beat.leaving) {
        this.#nameTaken(id, beat.incarnation)
      }
      return
    }
    const before = this.#members.get(id)
    if (beat.leaving) {
      if (before?.incarnation === beat.incarnation) this.#leave(before, 'goodbye')
      return
    }
    if (this.#ended.has(`${id} ${beat.incarnation}`)) return
    if (before !== undefined && before.incarnation !== beat.incarnation) {
      this.#leave(before, 'replaced')
    }
    const joined = before?.incarnation !== beat.incarnation
    if (joined && this.#members.size >= limits.maxMembers) {
      onEvent({
        type: 'message-refused',
        subject: subjects.heartbeat(id),
        reason: 'too-many-members'
      })
      return
    }
    const member: Member = {
      id,
      incarnation: beat.incarnation,
      zone: beat.zone,
      weight: beat.weight,
      lastHeardMs: ports.clock.monotonicMs(),
      caches: Object.fromEntries(
        Object.entries(beat.caches).map(([cache, { held, ...shape }]) => [cache, {
          ...shape,
          held: new Map(
            held.map((
              [group, sequence, root, cursorRoot, phase]
            ) => [group, { sequence, root, cursorRoot, phase }])
          )
        }])
      )
    }
    this.#members.set(id, member)
    if (joined || !samePhases(before, member)) this.#epoch++
    if (joined) {
      onEvent({ type: 'member-joined', node: id, incarnation: member.incarnation })
      this.beatSoon() // so that the newcomer knows us without waiting for our turn
    }
    for (const listener of this.#beatListeners) listener(member, joined)
  }

  /** Set when another process was heard under this node's name. */
  takenBy: number | undefined

  #nameTaken (node: string, incarnation: number): void {
    if (this.takenBy === incarnation) return
    this.takenBy = incarnation
    this.#options.onEvent({ type: 'name-taken', node, incarnation })
  }

  #sweep (): void {
    const { ports, failureTimeoutMs, heartbeatMs } = this.#options
    const now = ports.clock.monotonicMs()
    for (const member of [...this.#members.values()]) {
      if (now - member.lastHeardMs > failureTimeoutMs) this.#leave(member, 'silent')
    }
    for (const [life, endedMs] of this.#ended) {
      if (now - endedMs > failureTimeoutMs) this.#ended.delete(life)
    }
    this.#sweepTimer = ports.timers.after(heartbeatMs, () => this.#sweep())
  }

  #leave (member: Member, why: 'goodbye' | 'silent' | 'replaced'): void {
    this.#members.delete(member.id)
    if (why !== 'silent') {
      this.#ended.set(`${member.id} ${member.incarnation}`, this.#options.ports.clock.monotonicMs())
    }
    this.#epoch++
    this.#options.onEvent({
      type: 'member-left',
      node: member.id,
      incarnation: member.incarnation,
      why
    })
    for (const listener of this.#leftListeners) listener(member)
  }

  /** Says goodbye and stops. */
  close (): void {
    if (this.#beating) this.#send(true)
    this.#beating = false
    for (const timer of [this.#beatTimer, this.#sweepTimer, this.#soonTimer]) timer?.cancel()
    for (const subscription of this.#subscriptions) subscription.close()
  }
}

function samePhases (a: Member | undefined, b: Member): boolean {
  return Object.entries(b.caches).every(([cache, { held }]) => {
    const before = a?.caches[cache]?.held
    if (before?.size !== held.size) return false
    for (const [group, { phase }] of held) if (before.get(group)?.phase !== phase) return false
    return true
  })
}
