/**
 * The other nodes as one process sees them, and the transitions between:
 *
 *   unknown --heartbeat--> member --goodbye, silence, or a newer life under the same name--> left
 *
 * Views may differ between processes for a while, which CRDTs make harmless. No view elects or
 * locks anything.
 */
import type { Clock } from '../../engine/ports.js'
import type { OnEvent } from '../events.js'
import { beganLater, memberOf, type Heartbeat, type Member } from './heartbeat.js'

export type LeftFor = 'goodbye' | 'silent' | 'replaced'

export interface MembersOptions {
  readonly clock: Clock
  readonly maxMembers: number
  readonly onEvent: OnEvent
  /** Called when a member has joined, left or changed its timing, before listeners hear of it. */
  readonly onChanged: () => void
  /** `silentMs` is since its last heartbeat, Infinity where it joins. */
  readonly onBeat: (member: Member, silentMs: number) => void
  readonly onLeft: (member: Member, why: LeftFor) => void
}

export class Members {
  readonly #options: MembersOptions
  readonly #members = new Map<string, Member>()
  /** Lives that ended a moment ago, and when: heartbeats of them may still be under way. */
  readonly #ended = new Map<string, number>()
  #changes = 0

  constructor (options: MembersOptions) {
    this.#options = options
  }

  get byName (): ReadonlyMap<string, Member> {
    return this.#members
  }

  /**
   * How often a member joined, left, entered another phase of a placement group, or published its
   * first writes in one.
   */
  get changes (): number {
    return this.#changes
  }

  /** Takes a heartbeat. @returns why it was refused, if it was */
  heard (id: string, beat: Heartbeat): 'too-many-members' | undefined {
    const { clock, maxMembers, onEvent, onChanged, onBeat } = this.#options
    const known = this.#members.get(id)
    if (beat.leaving) {
      if (known?.incarnation === beat.incarnation) this.#leave(known, 'goodbye')
      return undefined
    }
    if (this.#ended.has(`${id} ${beat.incarnation}`)) return undefined
    if (known !== undefined && known.incarnation !== beat.incarnation) {
      if (!beganLater(beat, known)) return undefined // it hears of the later one, and gives way
      this.#leave(known, 'replaced')
    }
    const before = this.#members.get(id)
    const joined = before === undefined
    if (joined && this.#members.size >= maxMembers) return 'too-many-members'
    const member = memberOf(id, beat, clock.monotonicMs())
    this.#members.set(id, member)
    if (joined || !sameHoldings(before, member)) this.#changes++
    if (joined) onEvent({ type: 'member-joined', node: id, incarnation: member.incarnation })
    if (joined || !samePace(before, member)) onChanged()
    onBeat(member, joined ? Infinity : member.lastHeardMs - before.lastHeardMs)
    return undefined
  }

  /** Whether a member was silent for longer than the failure timeout. */
  isAnySilent (failureTimeoutMs: number): boolean {
    const now = this.#options.clock.monotonicMs()
    for (const { lastHeardMs } of this.#members.values()) {
      if (now - lastHeardMs > failureTimeoutMs) return true
    }
    return false
  }

  /** Takes members for gone that were silent for longer than the failure timeout. */
  sweep (failureTimeoutMs: number): void {
    const now = this.#options.clock.monotonicMs()
    for (const member of [...this.#members.values()]) {
      if (now - member.lastHeardMs > failureTimeoutMs) this.#leave(member, 'silent')
    }
    for (const [life, endedMs] of this.#ended) {
      if (now - endedMs > failureTimeoutMs) this.#ended.delete(life)
    }
  }

  #leave (member: Member, why: LeftFor): void {
    const { clock, onEvent, onChanged, onLeft } = this.#options
    const { id, incarnation } = member
    this.#members.delete(id)
    if (why !== 'silent') this.#ended.set(`${id} ${incarnation}`, clock.monotonicMs())
    this.#changes++
    onEvent({ type: 'member-left', node: id, incarnation, why })
    onChanged()
    onLeft(member, why)
  }
}

function sameHoldings (a: Member, b: Member): boolean {
  return Object.entries(b.caches).every(([cache, { held }]) => {
    const before = a.caches[cache]?.held
    if (before?.size !== held.size) return false
    for (const [group, { phase, sequence }] of held) {
      const known = before.get(group)
      if (known?.phase !== phase || (known.sequence > 0) !== (sequence > 0)) return false
    }
    return true
  })
}

function samePace ({ pace: a }: Member, { pace: b }: Member): boolean {
  return a?.heartbeatMs === b?.heartbeatMs && a?.failureTimeoutMs === b?.failureTimeoutMs
}
