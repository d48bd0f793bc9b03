/**
 * The errors a caller can meet. Each has a stable `code`, and answers two questions: did anything
 * change, and is the same call worth trying again?
 *
 * A mistake in the calling program (a wrong type, a missing argument) is a TypeError and not listed
 * here.
 */

/**
 * 'no': nothing changed. 'yes': the call took effect. 'maybe': it may have taken effect; a retry
 * does no harm where the error is retryable.
 */
export type Changed = 'no' | 'yes' | 'maybe'

export interface ErrorFacts {
  readonly changed: Changed
  readonly retryable: boolean
  readonly cause?: unknown
}

export class MillpondError extends Error {
  readonly code: string
  /** Whether the operation changed anything before it failed. */
  readonly changed: Changed
  /** Whether the same call may succeed later without a change to its arguments. */
  readonly retryable: boolean

  constructor (code: string, message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = new.target.name
    this.code = code
    this.changed = facts.changed
    this.retryable = facts.retryable
  }
}

const REFUSED: ErrorFacts = { changed: 'no', retryable: false }

/** An option, flag or stored setting that cannot be used. */
export class ConfigError extends MillpondError {
  constructor (message: string, cause?: unknown) {
    super('CONFIG_INVALID', message, { ...REFUSED, cause })
  }
}

/** This node's settings contradict those of the cluster or of its own data directory. */
export class ConfigConflictError extends MillpondError {
  constructor (message: string) {
    super('CONFIG_CONFLICT', message, REFUSED)
  }
}

/** Another process began later under the name of this node, which has closed. */
export class NameTakenError extends MillpondError {
  constructor (message: string) {
    super('NAME_TAKEN', message, REFUSED)
  }
}

/** A key or value crosses a bound of limits.ts. */
export class LimitError extends MillpondError {
  constructor (message: string) {
    super('LIMIT_EXCEEDED', message, REFUSED)
  }
}

/**
 * A key or value that cannot be stored: its type cannot travel, or it would not read back as it was
 * written.
 */
export class ValueError extends MillpondError {
  constructor (message: string) {
    super('VALUE_REFUSED', message, REFUSED)
  }
}

/** A field was used as a kind that it is not: a counter as a register, a set as a counter. */
export class KindError extends MillpondError {
  constructor (message: string) {
    super('FIELD_KIND', message, REFUSED)
  }
}

/** A write whose version lies too far in the future (D2). */
export class FutureVersionError extends MillpondError {
  constructor (message: string) {
    super('VERSION_IN_FUTURE', message, REFUSED)
  }
}

/**
 * A write without event time cannot take effect yet: a clock that was ahead has dated what stands
 * in its place, further ahead than a write may be dated now.
 */
export class ShadowedError extends MillpondError {
  constructor (key: string, ahead: string) {
    super(
      'SHADOWED',
      `${JSON.stringify(key)}: the record has a version ${ahead}; nothing can be written over it ` +
        'before that time. A clock that was ahead has dated it',
      { changed: 'no', retryable: true }
    )
  }
}

/**
 * A write without event time was overtaken, and could not be sent again as a later one: another
 * write of the same process depends on its place, or a copy of it may have been seen.
 */
export class OvertakenError extends MillpondError {
  constructor (key: string, ahead: string) {
    super('OVERTAKEN', `${JSON.stringify(key)}: a write dated ${ahead} has overtaken it`, {
      changed: 'no',
      retryable: true
    })
  }
}

/** An update from a peer or from disk was not applied. The shard is as it was before. */
export class UpdateRefusedError extends MillpondError {
  constructor (readonly reason: string, detail: string) {
    super('UPDATE_REFUSED', `update refused (${reason}): ${detail}`, REFUSED)
  }
}

/** An entry that a newer release wrote, and the part of it that this release does not know. */
export interface NewerForm {
  /** Its dot. */
  readonly incarnation: number
  readonly clock: number
  readonly key: string
  /** The field whose claim is of an unknown kind. */
  readonly field?: string
  /** The code of that kind. */
  readonly code?: number
  /** How many parts the entry has, if more than this release knows of. */
  readonly parts?: number
}

/**
 * An update holds an entry that a newer release wrote and that this release cannot read. The shard
 * stays as it was until this node is upgraded or the field is deleted.
 */
export class NewerReleaseError extends UpdateRefusedError {
  constructor (readonly form: NewerForm) {
    const { key, field, code, parts } = form
    const about = field === undefined
      ? `an entry of ${parts} parts`
      : `field ${JSON.stringify(field)} is of kind ${code}`
    super(
      'newer-release',
      `record ${
        JSON.stringify(key)
      }: ${about}, which this release does not know; a newer release ` +
        'wrote it: upgrade this node'
    )
  }
}

/**
 * Yjs threw an error, and threw again after the shard's log was made anew. Buffered writes wait for
 * the next flush, and nothing else changed.
 */
export class LogError extends MillpondError {
  constructor (message: string, cause: unknown) {
    super('LOG_FAILED', message, { changed: 'no', retryable: true, cause })
  }
}

/** The envelope of a message is damaged, of another version, or not shaped as it should be. */
export class EnvelopeError extends MillpondError {
  constructor (readonly reason: string, detail: string) {
    super('ENVELOPE_REFUSED', `message refused (${reason}): ${detail}`, REFUSED)
  }
}

/** A cursor is damaged, of an unknown format, or of another shard. */
export class CursorError extends MillpondError {
  constructor (message: string) {
    super('CURSOR_INVALID', message, REFUSED)
  }
}

/**
 * A query that cannot be answered as it stands: an unknown operator, nothing to compare with, types
 * that cannot be compared.
 */
export class QueryError extends MillpondError {
  constructor (message: string) {
    super('QUERY_REFUSED', message, REFUSED)
  }
}

/** No index answers any condition of a query, so the query would have to read every record. */
export class NotIndexedError extends MillpondError {
  constructor (message: string) {
    super('NOT_INDEXED', message, REFUSED)
  }
}

/** The write took effect, but fewer replicas than asked for confirmed it in time. */
export class WriteConcernError extends MillpondError {
  constructor (
    readonly wanted: string,
    readonly reached: number,
    readonly needed: number,
    readonly timeoutMs: number
  ) {
    super(
      'WRITE_CONCERN',
      `write concern ${wanted} not reached within ${timeoutMs} ms: ${reached} of ${needed} ` +
        'confirmed; the write stands and will replicate',
      { changed: 'yes', retryable: true }
    )
  }
}

/** A write that failed: its key, and the code it failed with. */
export interface FailedWrite {
  readonly key: string
  readonly code: string
}

export interface WritesFailedFacts extends ErrorFacts {
  readonly cache: string
  readonly failed: number
  readonly codes: { readonly [code: string]: number }
  readonly writes: readonly FailedWrite[]
}

/**
 * Writes failed since the last flush. `changed` and `retryable` are about these writes: 'no' or
 * 'yes' where that is true of every one, and retryable where every one is.
 */
export class WritesFailedError extends MillpondError {
  /** How many writes failed. */
  readonly failed: number
  /** How many of them with which code; failures without a code count as OTHER. */
  readonly codes: { readonly [code: string]: number }
  /** The first of them, at most limits.maxFailedKeys. */
  readonly writes: readonly FailedWrite[]

  constructor ({ cache, failed, codes, writes, ...facts }: WritesFailedFacts) {
    const counts = Object.entries(codes).map(([code, count]) => `${count} ${code}`)
    const keys = writes.slice(0, 3).map(({ key }) => JSON.stringify(key))
    super(
      'WRITES_FAILED',
      `${failed} ${failed === 1 ? 'write' : 'writes'} of cache ${cache} failed since the last ` +
        `flush (${counts.join(', ')}): ${keys.join(', ')}${failed > keys.length ? ', ...' : ''}`,
      facts
    )
    this.failed = failed
    this.codes = codes
    this.writes = writes
  }
}

/** No answer in time. Nothing changed where nobody was asked, or all who were asked refused. */
export class TimeoutError extends MillpondError {
  constructor (what: string, timeoutMs: number, facts: Partial<ErrorFacts> = {}) {
    super('TIMEOUT', `${what}: no answer within ${timeoutMs} ms`, {
      changed: 'maybe',
      retryable: true,
      ...facts
    })
  }
}

/**
 * An increment was sent and no answer came. It counted once or not at all; sent again, it could
 * count twice.
 */
export class OutcomeUnknownError extends MillpondError {
  constructor (message: string, cause: unknown) {
    super('OUTCOME_UNKNOWN', `increment of ${message}; it may have taken effect`, {
      changed: 'maybe',
      retryable: false,
      cause
    })
  }
}

/** No node that could do this is reachable right now. */
export class UnavailableError extends MillpondError {
  constructor (message: string, cause?: unknown) {
    super('UNAVAILABLE', message, { changed: 'no', retryable: true, cause })
  }
}

/** The network says that nobody listens where a request was sent. */
export class NobodyListensError extends UnavailableError {}

/** A bounded queue is full: slow down and try again. */
export class BusyError extends MillpondError {
  constructor (message: string) {
    super('TOO_BUSY', message, { changed: 'no', retryable: true })
  }
}

/** The server could not be reached, or closed the connection for good. */
export class ConnectionError extends MillpondError {
  constructor (message: string, cause?: unknown) {
    super('CONNECTION', message, { changed: 'no', retryable: true, cause })
  }
}

/** The store could not be opened, read or written. */
export class StoreError extends MillpondError {
  constructor (message: string, cause?: unknown, facts: Partial<ErrorFacts> = {}) {
    super('STORE', message, { changed: 'maybe', retryable: true, cause, ...facts })
  }
}

/** The caller ended the call, by its AbortSignal. The signal's reason is the cause. */
export class AbortedError extends MillpondError {
  constructor (changed: Changed, reason: unknown) {
    super('ABORTED', 'the call was aborted by its signal', {
      changed,
      retryable: true,
      cause: reason
    })
  }
}

/** The node, client or consumer was closed. */
export class ClosedError extends MillpondError {
  /** @param changed whether something may have changed: what was sent before may take effect */
  constructor (what: string, changed: Changed = 'no') {
    super('CLOSED', `${what} is closed`, { ...REFUSED, changed })
  }
}

/** The remote side refused a request and said why. */
export class RemoteError extends MillpondError {
  constructor (code: string, message: string, facts: ErrorFacts) {
    super(code, message, facts)
  }
}
