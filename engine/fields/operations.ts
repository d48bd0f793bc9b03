/**
 * Operations on fields that are more than registers, and the claims they turn into where they
 * enter: what an operation means depends on what this replica has seen (the total so far, the adds
 * a removal takes back, the epoch).
 *
 * Operations on one record between two flushes share one buffered entry, so a hammered counter
 * costs one.
 */
import { contest, fieldKindOf, type AddClaim, type Claim, type CounterClaim, type Element,
  type FieldKind } from './claims.js'
import type { Entry } from '../record/entry.js'
import { KindError, LimitError } from '../errors.js'
import { kindIn } from '../record/reading.js'
import { claimsOf, entriesOf } from '../record/record.js'
import { limits } from '../limits.js'
import { approximateBytes, type Value } from '../base/values.js'

export type Operation =
  | { readonly kind: 'increment', readonly field: string, readonly by: number }
  | { readonly kind: 'add' | 'remove', readonly field: string, readonly element: Element }
  | { readonly kind: 'max' | 'min', readonly field: string, readonly value: number }
  /** Without a value it unsets the field. */
  | {
    readonly kind: 'sequenced',
    readonly field: string,
    readonly sequence: number,
    readonly value?: Value
  }

const FIELD_KIND: { readonly [kind in Operation['kind']]: FieldKind } = {
  increment: 'counter',
  add: 'set',
  remove: 'set',
  max: 'max',
  min: 'min',
  sequenced: 'sequenced'
}

export interface Writer {
  readonly incarnation: number
  /** The next clock of its log: every earlier add of its own lies below. */
  readonly nextClock: number
  readonly now: number
  /**
   * No tombstone of the field that was dropped is newer: a claim that has seen it is of this epoch
   * at least.
   */
  readonly lastDropped: (field: string) => number
}

/**
 * The claims of operations on the record at `head`, held against each other already.
 * @throws KindError when a field is of another kind, LimitError when a counter leaves the safe
 *   integers; nothing changed
 */
export function claimsFor (
  head: Entry | undefined,
  operations: readonly Operation[],
  writer: Writer
): Claim[] {
  let made: Claim[] = []
  for (const operation of operations) {
    assertKind(head, operation, writer.now)
    const before = [
      ...head === undefined ? [] : entriesOf(head).flatMap(entry => [...claimsOf(entry)]),
      ...made
    ].filter(claim => claim.field === operation.field)
    const epoch = before.reduce(
      (latest, claim) => Math.max(latest, claim.epoch),
      Math.max(
        writer.lastDropped(operation.field),
        head === undefined ? 0 : lastReset(head, operation.field)
      )
    )
    for (const next of claimsOfOperation(operation, epoch, before, writer)) {
      if (made.some(other => contest(next, other, true) < 0)) continue
      made = [...made.filter(other => contest(next, other, true) <= 0), next]
    }
  }
  return made
}

function assertKind (head: Entry | undefined, { kind, field }: Operation, now: number): void {
  const known = head === undefined ? undefined : kindIn(head, field, now)
  if (known !== undefined && known !== FIELD_KIND[kind]) {
    throw new KindError(
      `field ${field} is a ${known} and cannot be used as a ${
        FIELD_KIND[kind]
      }; unset it first, or use another field`
    )
  }
}

/**
 * The version of the latest delete, replacement, unset or register that claims on the field have to
 * be newer than.
 */
function lastReset (head: Entry, field: string): number {
  let latest = 0
  for (const entry of entriesOf(head)) {
    if (entry.clears || Object.hasOwn(entry.fields, field)) {
      latest = Math.max(latest, entry.version)
    }
  }
  return latest
}

function claimsOfOperation (
  operation: Operation,
  epoch: number,
  before: readonly Claim[],
  { incarnation, nextClock }: Writer
): Claim[] {
  const { field } = operation
  const dot = { of: incarnation, clock: Infinity }
  switch (operation.kind) {
    case 'increment': {
      const own =
        before.filter((claim): claim is CounterClaim =>
          claim.kind === 'counter' && claim.of === incarnation
        ).sort((a, b) => b.clock - a.clock)[0]
      // A total goes on in its own epoch: a reset that had not been seen ends all of it, not just a
      // part.
      const total = (own?.total ?? 0) + operation.by
      if (Math.abs(total) > Number.MAX_SAFE_INTEGER) {
        throw new LimitError(
          `counter ${field} would leave the range of safe integers with ${operation.by}`
        )
      }
      return [{
        kind: 'counter',
        field,
        epoch: own?.epoch ?? epoch,
        ...dot,
        total: total === 0 ? 0 : total
      }]
    }
    case 'add':
      return [{ kind: 'add', field, epoch, ...dot, element: operation.element }]
    case 'remove': {
      const adds = before.filter((claim): claim is AddClaim =>
        claim.kind === 'add' && claim.element === operation.element
      )
      return adds.map(({ of, clock }) => ({
        kind: 'remove',
        field,
        epoch,
        element: operation.element,
        of,
        clock: clock === Infinity ? nextClock - 1 : clock
      }))
    }
    case 'max':
    case 'min':
      return [{ kind: operation.kind, field, epoch, value: operation.value }]
    case 'sequenced':
      return [{
        kind: 'sequenced',
        field,
        epoch,
        sequence: operation.sequence,
        value: operation.value
      }]
  }
}

/** Whether one entry can hold both. */
export function fitTogether (a: readonly Claim[], b: readonly Claim[]): boolean {
  if (a.length + b.length > limits.maxClaimsPerEntry) return false
  // Only these have no small bound of their own.
  const sequenced = [...a, ...b].filter(claim => claim.kind === 'sequenced')
  return sequenced.length === 0 ||
    sequenced.reduce((bytes, claim) => bytes + approximateBytes(claim.value ?? null), 0) <=
      limits.maxSequencedBytes
}

/**
 * What a buffered entry says once `made` is added to it: a removal takes buffered adds of the
 * element with it, because they have no clock yet by which it could name them.
 */
export function mergeClaims (buffered: readonly Claim[], made: readonly Claim[]): Claim[] {
  const kept = buffered.filter(old =>
    !made.some(claim => contest(claim, old, true) > 0 || takesBack(claim, old))
  )
  return [...kept,
    ...loggable(made).filter(claim =>
      !buffered.some(old => !takesBack(claim, old) && contest(old, claim, false) > 0)
    )]
}

/** Without removals that only take back what is buffered: of what is logged they say nothing. */
export function loggable (claims: readonly Claim[]): readonly Claim[] {
  return claims.filter(claim => claim.kind !== 'remove' || claim.clock >= 0)
}

function takesBack (claim: Claim, old: Claim): boolean {
  return claim.kind === 'remove' && old.kind === 'add' && old.clock === Infinity &&
    fieldKindOf(old) === 'set' &&
    claim.field === old.field && claim.element === old.element && claim.of === old.of
}
