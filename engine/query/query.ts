/**
 * The conditions of a query: on fields, and all of them must hold.
 *
 *   { country: 'France', price: { gte: 1, lt: 2 } }        a scalar means eq
 *
 * Operators: eq, in, lt, lte, gt, gte. Parsing brings each condition into one of two forms, a list
 * of values or one range, so that indexes know no operators. Of several eq and in, the values that
 * all of them name are left; of several bounds, the tightest; of values and bounds, the values
 * within the bounds. Numbers are compared with numbers and strings with strings, by UTF-16 code
 * units. A field that is missing, or of another type, meets no condition.
 *
 * A query needs an index for at least one condition. Without one it is refused, and the error names
 * the indexed fields: a query that quietly reads every record is fast on the developer's machine
 * and a full stop in production.
 */
import { LimitError, NotIndexedError, QueryError } from '../errors.js'
import type { Limits } from '../limits.js'
import { isWithin, type RangeBound, type Ordered, type Range } from './ordered-map.js'
import { describe, isPlainObject, shortened } from '../base/plain.js'
import { approximateBytes, checkName, type Fields } from '../base/values.js'

export type Scalar = string | number | boolean | null
export type IndexKind = 'equality' | 'range'
/** The indexed fields of a cache. */
export type IndexDeclaration = { readonly [field: string]: IndexKind }

export interface Operators {
  readonly eq?: Scalar
  readonly in?: readonly Scalar[]
  readonly lt?: Ordered
  readonly lte?: Ordered
  readonly gt?: Ordered
  readonly gte?: Ordered
}
export type Where = { readonly [field: string]: Scalar | Operators }

export type Condition =
  | { readonly field: string, readonly values: ReadonlySet<Scalar>, readonly range?: undefined }
  | { readonly field: string, readonly values?: undefined, readonly range: Range }

const OPERATORS = ['eq', 'in', 'lt', 'lte', 'gt', 'gte']

/** @throws TypeError, QueryError, LimitError, ValueError, which name the unusable part */
export function parseWhere (where: unknown, limits: Limits): Condition[] {
  if (!isPlainObject(where)) {
    throw new TypeError(
      `a query must be a plain object of conditions like { country: 'France' }, got ${
        describe(where)
      }`
    )
  }
  const fields = Object.keys(where)
  if (fields.length === 0) {
    throw new QueryError('a query needs at least one condition; to read everything use scan')
  }
  if (fields.length > limits.maxQueryConditions) {
    throw new LimitError(
      `a query on ${fields.length} fields, at most ${limits.maxQueryConditions} are allowed`
    )
  }
  let bytes = 0
  const count = (value: Scalar): void => {
    bytes += approximateBytes(value)
    if (bytes > limits.maxQueryBytes) {
      throw new LimitError(
        `a query compares with at most about ${limits.maxQueryBytes} bytes; ask for fewer values ` +
          'at a time'
      )
    }
  }
  return fields.map(field => parseCondition(checkName(field, limits), where[field], count, limits))
}

function parseCondition (
  field: string,
  condition: unknown,
  count: (value: Scalar) => void,
  limits: Limits
): Condition {
  const scalar = (path: string, value: unknown): Scalar => {
    assertScalar(path, value)
    count(value)
    return value
  }
  if (typeof condition !== 'object' || condition === null) {
    return { field, values: new Set([scalar(field, condition)]) }
  }
  if (!isPlainObject(condition)) {
    throw new TypeError(
      `${field} is compared with ${describe(condition)}; use a scalar, or an object of ${
        OPERATORS.join(', ')
      }${Array.isArray(condition) ? ` ({ in: [...] } for a list)` : ''}`
    )
  }
  let values: Set<Scalar> | undefined
  const meet = (others: readonly Scalar[]): void => {
    values = new Set(values === undefined ? others : others.filter(value => values?.has(value)))
  }
  let range: Range | undefined
  for (const [operator, operand] of Object.entries(condition)) {
    const path = `${field}.${shortened(operator)}`
    if (!OPERATORS.includes(operator)) {
      throw new QueryError(`${path} is not an operator; use ${OPERATORS.join(', ')}`)
    }
    if (operator === 'eq') meet([scalar(path, operand)])
    else if (operator === 'in') {
      meet(parseList(path, operand, limits).map((value, i) => scalar(`${path}[${i}]`, value)))
    } else range = tighter(path, range, operator, scalar(path, operand))
  }
  if (values !== undefined) {
    return {
      field,
      values: range === undefined
        ? values
        : new Set([...values].filter(value => isWithin(value, range)))
    }
  }
  if (range === undefined) {
    throw new QueryError(`${field} has no condition; use ${OPERATORS.join(', ')}`)
  }
  return { field, range }
}

function parseList (path: string, list: unknown, { maxQueryInValues }: Limits): unknown[] {
  if (!Array.isArray(list)) {
    throw new TypeError(`${path} must be an array of scalars, got ${describe(list)}`)
  }
  if (list.length === 0) {
    throw new QueryError(`${path} lists nothing, so nothing can match; leave the query out`)
  }
  if (list.length > maxQueryInValues) {
    throw new LimitError(
      `${path} lists ${list.length} values, at most ${maxQueryInValues} are allowed; ask ` +
        'for fewer at a time'
    )
  }
  return Array.from(list) // makes undefined of holes, which map would pass over
}

function assertScalar (path: string, value: unknown): asserts value is Scalar {
  if (value === null || typeof value === 'boolean') return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) {
      throw new QueryError(
        `${path} is ${value}; only finite numbers are stored (for a range without an end leave ` +
          'the bound out)'
      )
    }
  } else if (typeof value !== 'string') {
    throw new TypeError(
      `${path} is compared with ${describe(value)}; use a string, number, boolean or null`
    )
  } else if (!value.isWellFormed()) {
    throw new QueryError(`${path} holds a lone surrogate, which no stored text does`)
  }
}

function tighter (path: string, range: Range | undefined, operator: string, value: Scalar): Range {
  if (typeof value !== 'number' && typeof value !== 'string') {
    throw new TypeError(
      `${path} is compared with ${describe(value)}; only numbers and strings have an order`
    )
  }
  const type = typeof value as Range['type']
  if (range !== undefined && range.type !== type) {
    throw new QueryError(
      `${path} is a ${type} and the other bound a ${range.type}; no value lies between them`
    )
  }
  const inclusive = operator.endsWith('e')
  const bound: RangeBound = { value, inclusive }
  if (operator.startsWith('g')) {
    return isTighter(range?.from, bound, value > (range?.from?.value ?? value))
      ? { ...range, type, from: bound }
      : range as Range
  }
  return isTighter(range?.to, bound, value < (range?.to?.value ?? value))
    ? { ...range, type, to: bound }
    : range as Range
}

function isTighter (known: RangeBound | undefined, bound: RangeBound, further: boolean): boolean {
  return known === undefined || further || (known.value === bound.value && !bound.inclusive)
}

export function matches (fields: Fields, conditions: readonly Condition[]): boolean {
  return conditions.every(({ field, values, range }) => {
    if (!Object.hasOwn(fields, field)) return false
    const value = fields[field]
    return values === undefined ? isWithin(value, range) : values.has(value as Scalar)
  })
}

/**
 * The conditions that an index answers.
 * @throws NotIndexedError when there are none; it names the indexed fields
 */
export function indexed (
  conditions: readonly Condition[],
  declaration: IndexDeclaration
): Condition[] {
  const usable = conditions.filter(condition =>
    Object.hasOwn(declaration, condition.field) &&
    answers(declaration[condition.field] as IndexKind, condition)
  )
  if (usable.length > 0) return usable
  const names = Object.entries(declaration).map(([field, kind]) => `${field} (${kind})`)
  if (names.length === 0) {
    throw new NotIndexedError(
      "no field is indexed: declare what is asked for in the cache's settings, like " +
        `indexes: { ${JSON.stringify(conditions[0]?.field ?? 'country')}: 'equality' }`
    )
  }
  throw new NotIndexedError(
    `no index answers a condition on ${conditions.map(({ field }) => field).join(', ')}; ` +
      `indexed are ${names.join(', ')}: an equality index answers eq and in, a range index ` +
      'every operator with numbers and strings. Add a condition on one of them, ' +
      "or declare another index in the cache's settings"
  )
}

function answers (kind: IndexKind, { values, range }: Condition): boolean {
  if (range !== undefined) return kind === 'range'
  return [...values].every(value => isIndexable(kind, value))
}

/** Whether an index of this kind holds such a value. */
export function isIndexable (kind: IndexKind, value: unknown): value is Scalar {
  if (typeof value === 'number' || typeof value === 'string') return true
  return kind === 'equality' && (value === null || typeof value === 'boolean')
}
