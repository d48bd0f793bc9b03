/**
 * Which kind a claim, a code or an operation belongs to. The tables are made from the registry
 * once, so that finding a kind costs one lookup by name and allocates nothing.
 */
import type { ClaimBase, FieldKindCells, KindTypes } from './kind.js'
import { KINDS, type Claim, type ClaimedKind, type FieldKind, type Operation } from './kinds.js'

interface AnyKind extends KindTypes {
  readonly claim: Claim
  readonly operation: Operation
}

/** A kind whose types are not known where it is used. */
export interface Kind extends Omit<FieldKindCells<AnyKind>, 'codes' | 'operations'> {
  readonly name: ClaimedKind
  /** Its place in the order of reading. */
  readonly rank: number
}

/** A kind of claim, and how it stands in bytes. */
export interface CodedClaim {
  readonly claim: Claim['kind']
  readonly code: number
  readonly kind: Kind
}

interface KnownOperation {
  readonly kind: Kind
  readonly repeatable: boolean
}

const LIST: readonly Kind[] = Object.freeze(
  (Object.keys(KINDS) as ClaimedKind[]).map((name, rank) =>
    Object.freeze({ ...KINDS[name], name, rank })
  )
)

const CLAIMS = tableOf<CodedClaim>(
  LIST.flatMap(kind =>
    Object.entries(KINDS[kind.name].codes).map(([claim, code]) =>
      [claim, { claim: claim as Claim['kind'], code, kind }] as const
    )
  )
)

const OPERATIONS = tableOf<KnownOperation>(
  LIST.flatMap(kind =>
    Object.entries(KINDS[kind.name].operations).map(([operation, { repeatable }]) =>
      [operation, { kind, repeatable }] as const
    )
  )
)

const BY_CODE: ReadonlyArray<CodedClaim | undefined> = byCode(Object.values(CLAIMS))

/** The kinds a schema may declare, in the order in which they came into being (their codes). */
export const FIELD_KINDS: readonly FieldKind[] = Object.freeze(
  ['register', ...new Set(BY_CODE.flatMap(coded => coded?.kind.name ?? []))] as const
)

/** Has no prototype, so that only what was put in is found, whatever name is asked for. */
function tableOf<T extends object> (
  entries: ReadonlyArray<readonly [name: string, item: T]>
): { readonly [name: string]: T } {
  const table = Object.create(null) as Record<string, T>
  for (const [name, item] of entries) {
    if (name in table) throw new Error(`${name} belongs to two kinds of fields`)
    table[name] = Object.freeze(item)
  }
  return Object.freeze(table)
}

function byCode (claims: readonly CodedClaim[]): ReadonlyArray<CodedClaim | undefined> {
  const table: Array<CodedClaim | undefined> = []
  for (const coded of claims) {
    if (table[coded.code] !== undefined) {
      throw new Error(`code ${coded.code} stands for two kinds of claims`)
    }
    table[coded.code] = coded
  }
  return Object.freeze(Array.from(table))
}

/** The kind of field that a claim is about. */
export function kindOf (claim: ClaimBase): Kind {
  return (CLAIMS[claim.kind] as CodedClaim).kind
}

export function codeOf (claim: ClaimBase): number {
  return (CLAIMS[claim.kind] as CodedClaim).code
}

/** Undefined for a code that this release does not know. */
export function claimOfCode (code: number): CodedClaim | undefined {
  return BY_CODE[code]
}

/** The kind of field that an operation is done to. */
export function kindOfOperation (operation: Operation['kind']): Kind {
  return (OPERATIONS[operation] as KnownOperation).kind
}

/** Undefined when it names no operation that this release knows. */
export function findKindOfOperation (operation: unknown): Kind | undefined {
  return typeof operation === 'string' ? OPERATIONS[operation]?.kind : undefined
}

/** Whether the operation, taken twice, comes to the same as once. */
export function isRepeatable ({ kind }: Operation): boolean {
  return (OPERATIONS[kind] as KnownOperation).repeatable
}
