/**
 * A cache's schema: which kind each of its fields is, as declared where the cache is opened. The
 * schema makes a field used as another kind an error of the call itself, before anything is sent,
 * and gives the calls their types.
 *
 * A schema lives in the process that declares it and is never sent: a field without a declaration
 * becomes what the first operation makes of it, and the owner of a record refuses another use all
 * the same (SPEC E19). So processes need not agree on a schema to be safe, and one can be added
 * later.
 */
import type { FieldKind, ValueOfKind } from '../../engine/fields/kinds.js'
import { FIELD_KINDS } from '../../engine/fields/lookup.js'
import { ConfigError, KindError, MillpondError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import { describe, isPlainObject } from '../../engine/base/plain.js'
import { checkName, type Fields, type Value } from '../../engine/base/values.js'

/**
 * Per field its kind: `{ price: 'register', views: 'counter', tags: 'set', best: 'min', position:
 * 'sequenced' }`.
 */
export interface Schema {
  readonly [field: string]: FieldKind
}

/** Names of the fields that are of one of these kinds; any text for a cache without a schema. */
export type NameOf<S extends Schema, K extends FieldKind = FieldKind> = string extends keyof S
  ? string
  : { [F in keyof S]: S[F] extends K ? F : never }[keyof S] & string

/** A record as it is read. */
export type RecordOf<S extends Schema> = string extends keyof S ? Fields
  : { readonly [F in keyof S]?: ValueOfKind[S[F]] }

/** What `put` takes: registers. */
export type RegistersOf<S extends Schema> = string extends keyof S ? Fields
  : { readonly [F in NameOf<S, 'register'>]?: Value }

const KINDS: ReadonlySet<unknown> = new Set(FIELD_KINDS)

/** The kinds declared for one cache in this process. */
export class FieldKinds {
  readonly #cache: string
  readonly #limits: Limits
  readonly #kinds = new Map<string, FieldKind>()

  constructor (cache: string, limits: Limits) {
    this.#cache = cache
    this.#limits = limits
  }

  /**
   * Adds to what was declared before.
   * @throws ConfigError naming the field when it is no kind, no name, or declared as another kind
   *   already; nothing is added then
   */
  declare (schema: Schema): void {
    if (!isPlainObject(schema)) {
      throw new ConfigError(
        `schema of cache ${this.#cache}: expected an object of field kinds, got ${describe(schema)}`
      )
    }
    const added = Object.entries(schema)
    if (added.length > this.#limits.maxFieldsPerRecord) {
      throw new ConfigError(
        `schema of cache ${this.#cache}: ${added.length} fields, at most ` +
          `${this.#limits.maxFieldsPerRecord} are allowed`
      )
    }
    for (const [field, kind] of added) {
      try {
        checkName(field, this.#limits)
      } catch (error) {
        throw error instanceof MillpondError
          ? new ConfigError(`schema of cache ${this.#cache}: ${error.message}`, error)
          : error
      }
      if (!KINDS.has(kind)) {
        throw new ConfigError(
          `schema of cache ${this.#cache}: field ${field} cannot be ${describe(kind)}; use ${
            [...KINDS].join(', ')
          }`
        )
      }
      const before = this.#kinds.get(field)
      if (before !== undefined && before !== kind) {
        throw new ConfigError(
          `schema of cache ${this.#cache}: field ${field} was declared a ${before} in this ` +
            `process and cannot be a ${kind} as well`
        )
      }
    }
    for (const [field, kind] of added) this.#kinds.set(field, kind)
  }

  /** @throws KindError when the field is declared as another kind */
  assert (field: string, kind: FieldKind): void {
    const declared = this.#kinds.get(field)
    if (declared === undefined || declared === kind) return
    const hint = declared === 'sequenced' && kind === 'register'
      ? '; give it a sequence number with patch'
      : ''
    throw new KindError(
      `field ${field} of cache ${this.#cache} is declared a ${declared} and cannot be used as a ` +
        `${kind}${hint}`
    )
  }

  /** @throws KindError when one of the fields is declared as anything but a register */
  assertRegisters (fields: Fields): void {
    if (this.#kinds.size === 0) return
    for (const field in fields) this.assert(field, 'register')
  }
}
