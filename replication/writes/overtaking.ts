/**
 * Writes that an owner did not take because something newer stands there (D18): the clock of this
 * process is behind another, or another write came first. The write is dated anew, above that, and
 * sent again: the owner has not taken it, so nothing of it is to be seen yet.
 *
 *   overtaken --> dated anew            the usual case
 *             --> as it is              what stands above it was written later by this process too,
 *                                       or while an earlier copy of it may have stood
 *             --> again, a little later a later write of this process to the same fields is still
 *                                       on its way: dated anew, this one would come after it
 *             --> refused               nothing of the above is certain, or its date would lie in
 *                                       the future
 *
 * So the writes of one process keep their order. Only writes dated by a clock take part: an event
 * time says itself what it comes after. An operation is overtaken by a reset only; taken as it is,
 * it was before that, and is ended by it (SPEC E18).
 */
import { FutureVersionError, OvertakenError, ShadowedError } from '../../engine/errors.js'
import type { HybridClock } from '../../engine/base/hlc.js'
import { writeRetryMs } from '../../engine/timing.js'
import { isUndated, type Write } from '../../engine/write/write.js'
import type { OutgoingWrite } from './outgoing-write.js'

export type Overtaken =
  | { readonly step: 'send', readonly write: Write }
  | { readonly step: 'send-as-it-is' }
  | { readonly step: 'wait', readonly pauseMs: number }
  | { readonly step: 'refuse', readonly error: OvertakenError | ShadowedError | FutureVersionError }

/** A write on its way, and what this process wrote to the record after it and was told of. */
interface Ticket {
  readonly outgoing: OutgoingWrite
  /** The time when it entered, as a version. */
  readonly enteredAt: number
  passedFields: Set<string> | undefined
  passedWhole: boolean
  /** The greatest version of these later writes. */
  passedTo: number
  waits: number
}

export class Overtaking {
  readonly #clock: HybridClock
  /** By key, in the order in which they were called. */
  readonly #onTheirWay = new Map<string, Ticket[]>()

  constructor (clock: HybridClock) {
    this.#clock = clock
  }

  begun (outgoing: OutgoingWrite): void {
    const { write } = outgoing
    if (!isUndated(write)) return
    const ticket = {
      outgoing,
      enteredAt: this.#clock.now(),
      passedFields: undefined,
      passedWhole: false,
      passedTo: 0,
      waits: 0
    }
    const tickets = this.#onTheirWay.get(write.key)
    if (tickets === undefined) this.#onTheirWay.set(write.key, [ticket])
    else tickets.push(ticket)
  }

  ended (outgoing: OutgoingWrite, isTaken: boolean): void {
    const { write } = outgoing
    const tickets = this.#onTheirWay.get(write.key)
    const at = tickets?.findIndex(ticket => ticket.outgoing === outgoing) ?? -1
    if (tickets === undefined || at === -1) return
    if (isTaken) passEach(tickets.slice(0, at), write)
    tickets.splice(at, 1)
    if (tickets.length === 0) this.#onTheirWay.delete(write.key)
  }

  /** A write was taken on this node, while others may be on their way. */
  takenHere (write: Write): void {
    const tickets = this.#onTheirWay.get(write.key)
    if (tickets !== undefined && isUndated(write)) passEach(tickets, write)
  }

  /** @param above the version that stands above the write at the owner that was asked */
  judge (outgoing: OutgoingWrite, above: number): Overtaken {
    const tickets = this.#onTheirWay.get(outgoing.write.key) ?? []
    const at = tickets.findIndex(ticket => ticket.outgoing === outgoing)
    const ticket = tickets[at]
    if (ticket === undefined) return { step: 'send-as-it-is' }
    const { write, mayStand } = outgoing
    // Where a copy of it may have been taken, a write that came later may have seen the copy.
    if (mayStand && above >= ticket.enteredAt) {
      if (above <= this.#clock.now()) return { step: 'send-as-it-is' }
      return { step: 'refuse', error: new OvertakenError(write.key, this.#ahead(above)) }
    }
    const later = tickets.slice(at + 1).map(({ outgoing: { write: next } }) => next)
    // The owner has taken that one, though its answer is not here yet.
    const stands = later.find(({ version }) => version === above)
    if (stands !== undefined) passEach([ticket], stands)
    const left = leftOf(write, ticket)
    if (left === null || (isClearing(left) && ticket.passedTo >= above)) {
      return { step: 'send-as-it-is' }
    }
    if (later.some(next => next !== stands && overlap(left, next))) {
      return { step: 'wait', pauseMs: writeRetryMs(++ticket.waits) }
    }
    if (isClearing(left) && ticket.passedTo > 0) {
      return { step: 'refuse', error: new OvertakenError(write.key, this.#ahead(above)) }
    }
    return this.#anew(left, above)
  }

  #ahead (above: number): string {
    return `${this.#clock.secondsAhead(above)} s ahead of ${this.#clock.timeName}`
  }

  #anew (write: Write, above: number): Overtaken {
    try {
      return { step: 'send', write: datedAbove(write, above, this.#clock) }
    } catch (error) {
      if (!(error instanceof ShadowedError || error instanceof FutureVersionError)) throw error
      return { step: 'refuse', error }
    }
  }
}

/**
 * The write, dated anew above what stands where it is to be taken.
 * @throws ShadowedError when that is dated further ahead than a write may be; FutureVersionError
 *   when this process's clock is
 */
export function datedAbove (write: Write, above: number, clock: HybridClock): Write {
  if (!clock.observe(above)) {
    throw new ShadowedError(
      write.key,
      `${clock.secondsAhead(above)} s ahead of ${clock.timeName}`
    )
  }
  const version = clock.next()
  return { ...write, version, stamp: version }
}

/** An operation ends nothing that came before it. */
function passEach (
  tickets: readonly Ticket[],
  { fields, clears, version, operations }: Write
): void {
  if (operations !== undefined) return
  for (const ticket of tickets) {
    ticket.passedTo = Math.max(ticket.passedTo, version)
    ticket.passedWhole ||= fields === null || clears === true
    ticket.passedFields ??= new Set()
    for (const name in fields) ticket.passedFields.add(name)
  }
}

/** The part of a write that no later one of this process has written over; null where none is. */
function leftOf (write: Write, { passedWhole, passedFields }: Ticket): Write | null {
  if (passedWhole) return null
  if (write.operations !== undefined) {
    const left = write.operations.filter(({ field }) => passedFields?.has(field) !== true)
    return left.length === 0 ? null : { ...write, operations: left }
  }
  if (write.fields === null || passedFields === undefined || write.clears === true) return write
  const left = Object.entries(write.fields).filter(([name]) => !passedFields.has(name))
  return left.length === 0 ? null : { ...write, fields: Object.fromEntries(left) }
}

function overlap (a: Write, b: Write): boolean {
  if (isClearing(a) || isClearing(b)) return true
  const names = a.operations?.map(({ field }) => field) ?? Object.keys(a.fields ?? {})
  return names.some(name => Object.hasOwn(b.fields ?? {}, name))
}

function isClearing ({ fields, clears, operations }: Write): boolean {
  return operations === undefined && (fields === null || clears === true)
}
