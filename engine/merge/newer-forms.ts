/**
 * Entries of newer releases that a shard could not read (ADR 12): which one it stands before, and
 * when that was told. A shard that is written to all the time meets such an entry hundreds of times
 * a second, so it is told at once and then once a minute, with the number of updates refused since.
 *
 * A shard stands before such an entry until its log has got past the entry: because the node was
 * upgraded, or because the entry has become history, and arrives as history. An entry that was not
 * met again for two minutes is not in the way either: a peer is asked for the shard every minute.
 */
import { VERSION_UNITS_PER_MS } from '../base/hlc.js'
import type { NewerForm, NewerReleaseError } from '../errors.js'
import type { EngineEvent } from '../events.js'
import type { Limits } from '../limits.js'
import { intervals } from '../timing.js'

interface Told {
  at: number
  updates: number
}

export class NewerForms {
  readonly #maxCodes: number
  readonly #told = new Map<number, Told>()
  #last: NewerForm | null = null
  /** When it was met, as a version-time. */
  #metAt = -Infinity

  constructor ({ maxUnknownCodes }: Limits) {
    this.#maxCodes = maxUnknownCodes
  }

  /**
   * Takes note of a refusal. @returns the event, when it is time to tell
   * @param now the version-time
   */
  note (shard: number, error: NewerReleaseError, now: number): EngineEvent | null {
    const { form } = error
    this.#last = form
    this.#metAt = now
    const told = this.#toldOf(form.code ?? -1)
    told.updates++
    if (now < told.at + intervals.newerReleaseToldMs * VERSION_UNITS_PER_MS) return null
    const { updates } = told
    told.at = now
    told.updates = 0
    return { type: 'newer-release', shard, ...form, detail: error.message, updates }
  }

  #toldOf (code: number): Told {
    const known = this.#told.get(code)
    if (known !== undefined) return known
    const told = this.#told.size < this.#maxCodes
      ? { at: -Infinity, updates: 0 }
      : [...this.#told.values()][0] as Told
    if (this.#told.size < this.#maxCodes) this.#told.set(code, told)
    return told
  }

  /**
   * The last entry that could not be read, if the log has not got past it.
   * @param end the next clock of an incarnation
   * @param now the version-time
   */
  standing (end: (incarnation: number) => number, now: number): NewerForm | null {
    if (this.#last === null) return null
    const isPast = end(this.#last.incarnation) > this.#last.clock
    const isOld = now > this.#metAt + 2 * intervals.newerReleaseToldMs * VERSION_UNITS_PER_MS
    if (isPast || isOld) this.#last = null
    return this.#last
  }
}
