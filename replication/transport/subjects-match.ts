/**
 * Subjects and patterns: which are well formed, and which subscriptions a subject reaches.
 *
 * A subject that is not well formed must never reach a connection. NATS separates the words of a
 * command by spaces, so a subject with a space in it would be another command; and a subject that
 * is too long makes the server hang up. Both adapters therefore check the same grammar, stricter
 * than NATS needs: printable ASCII, no empty token, and '*' and '>' only as whole tokens of a
 * pattern.
 */
import { describe } from '../../engine/base/plain.js'
import { LimitError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'

/** Every printable ASCII character but '.', '*' and '>'. */
const TOKEN = '[!-)+,/-=?-~-]+'
const SUBJECT = new RegExp(`^${TOKEN}(?:\\.${TOKEN})*$`)
const PATTERN = new RegExp(`^(?:>|(?:\\*|${TOKEN})(?:\\.(?:\\*|${TOKEN}))*(?:\\.>)?)$`)

/**
 * Subjects whose subscriptions are remembered. Reply subjects are all different, so the memory must
 * end somewhere.
 */
const MAX_REMEMBERED = 4096

/** @throws LimitError when it is too long; TypeError when it is not well formed */
export function assertSubject (subject: string, limits: Limits): void {
  if (typeof subject === 'string' && subject.length > limits.maxSubjectBytes) {
    throw new LimitError(
      `subject of ${subject.length} bytes: at most ${limits.maxSubjectBytes} are allowed`
    )
  }
  if (typeof subject !== 'string' || !SUBJECT.test(subject)) {
    throw new TypeError(
      `not a subject: ${
        describe(subject)
      }; it must be tokens of printable ASCII joined by '.', without '*' and '>'`
    )
  }
}

/** @throws LimitError when it is too long; TypeError when it is not well formed */
export function assertPattern (pattern: string, limits: Limits): void {
  if (typeof pattern === 'string' && pattern.length > limits.maxSubjectBytes) {
    throw new LimitError(
      `pattern of ${pattern.length} bytes: at most ${limits.maxSubjectBytes} are allowed`
    )
  }
  if (typeof pattern !== 'string' || !PATTERN.test(pattern)) {
    throw new TypeError(
      `not a subject pattern: ${
        describe(pattern)
      }; it must be tokens joined by '.', '*' for one token, '>' for the rest`
    )
  }
}

/** One token made of a name of any characters. Different names may give the same token. */
export function tokenOf (name: string): string {
  const token = name.replace(/[^A-Za-z0-9_-]/g, '_')
  return token === '' ? '_' : token
}

function matches (pattern: readonly string[], subject: readonly string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    const token = pattern[i]
    if (token === '>') return subject.length > i
    if (i >= subject.length || (token !== '*' && token !== subject[i])) return false
  }
  return pattern.length === subject.length
}

interface PatternEntry<T> {
  readonly tokens: readonly string[]
  readonly values: T[]
}

/**
 * Values filed under patterns. Exact subjects are looked up. Only patterns with wildcards are
 * walked, each once however many values it has: every consumer of a client subscribes to the same
 * ones. An answer is remembered until the next change, because subscriptions change rarely and
 * messages pass by the ten thousand.
 */
export class SubjectIndex<T> {
  readonly #exact = new Map<string, T[]>()
  readonly #wild = new Map<string, PatternEntry<T>>()
  readonly #remembered = new Map<string, readonly T[]>()

  add (pattern: string, value: T): void {
    this.#remembered.clear()
    const values = this.#valuesOf(pattern)
    if (values !== undefined) values.push(value)
    else if (SUBJECT.test(pattern)) this.#exact.set(pattern, [value])
    else this.#wild.set(pattern, { tokens: pattern.split('.'), values: [value] })
  }

  remove (pattern: string, value: T): void {
    this.#remembered.clear()
    const values = this.#valuesOf(pattern)
    if (values === undefined) return
    const at = values.indexOf(value)
    if (at >= 0) values.splice(at, 1)
    if (values.length > 0) return
    this.#exact.delete(pattern)
    this.#wild.delete(pattern)
  }

  #valuesOf (pattern: string): T[] | undefined {
    return this.#exact.get(pattern) ?? this.#wild.get(pattern)?.values
  }

  /** The values whose pattern matches; the array never changes afterwards. */
  match (subject: string): readonly T[] {
    const known = this.#remembered.get(subject)
    if (known !== undefined) return known
    const found = [...this.#exact.get(subject) ?? []]
    if (this.#wild.size > 0) {
      const tokens = subject.split('.')
      for (const entry of this.#wild.values()) {
        if (!matches(entry.tokens, tokens)) continue
        for (const value of entry.values) found.push(value)
      }
    }
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    this.#remembered.set(subject, found)
    return found
  }
}
