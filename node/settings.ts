/**
 * Reads settings by their schema, and says what is wrong with one in words: its name, its value and
 * what is allowed. The words come from the schema itself, so no range stands in two places.
 */
import { knownNames } from '../engine/base/known.js'
import { describe, isBare, shortened } from '../engine/base/plain.js'
import * as v from '../engine/base/schema.js'
import { ConfigError } from '../engine/errors.js'

/** The parts of valibot's schemas that the words are made of. */
interface Described {
  readonly type: string
  /** Of an optional setting. */
  readonly wrapped?: Described
  /** Of an object of settings. */
  readonly entries?: { readonly [name: string]: Described }
  /** Of an object of things by name. */
  readonly value?: Described
  /** Of an array. */
  readonly item?: Described
  /** Of a choice: values, or schemas. */
  readonly options?: readonly unknown[]
  readonly pipe?: ReadonlyArray<{ readonly type: string, readonly requirement?: unknown }>
}

/** Settings whose value is not to stand in a log. */
const SECRETS: ReadonlySet<unknown> = new Set(['pass', 'token'])

/** @throws ConfigError naming the setting, its value and what is allowed */
export function parseSettings<T extends v.GenericSchema> (
  schema: T,
  value: unknown
): v.InferOutput<T> {
  assertObjects(schema, value, '')
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const keys = issue.path?.map(({ key }) => String(key)) ?? []
  const name = keys.map(key => shortened(key)).join('.') || 'configuration'
  if (issue.type === 'check') throw new ConfigError(`${name}: ${issue.message}`)
  const last = keys.at(-1) ?? ''
  const parents = keys.slice(0, -1).reduce<Described | undefined>(within, schema)
  const setting = keys.length === 0 ? schema : within(parents, last)
  if (setting === undefined) {
    const known = Object.keys(bare(parents)?.entries ?? {})
    throw new ConfigError(`${name} is not a setting; ${knownNames(last, known)}`)
  }
  const allowed = inWords(setting)
  if (issue.input === undefined && keys.length > 0) {
    throw new ConfigError(`${name} is missing: give ${allowed}`)
  }
  throw new ConfigError(
    `${name} must be ${allowed}, got ${
      SECRETS.has(last) ? `a ${typeof issue.input}` : valueInWords(issue.input)
    }`
  )
}

/** @throws ConfigError naming the object that has its contents elsewhere than in properties */
function assertObjects (schema: Described, value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  const names = Object.keys(value)
  if (names.length === 0 && !isBare(value)) {
    throw new ConfigError(
      `${path || 'configuration'} must be ${inWords(schema)}, got ${describe(value)}`
    )
  }
  for (const name of names) {
    const part = within(schema, name)
    if (part === undefined) continue
    const below = path === '' ? shortened(name) : `${path}.${shortened(name)}`
    assertObjects(part, (value as { readonly [name: string]: unknown })[name], below)
  }
}

function bare (schema: Described | undefined): Described | undefined {
  return schema?.wrapped === undefined ? schema : bare(schema.wrapped)
}

function within (schema: Described | undefined, key: string): Described | undefined {
  const { entries, value, item } = bare(schema) ?? {}
  if (entries === undefined) return value ?? item
  return Object.hasOwn(entries, key) ? entries[key] : undefined
}

/** What a setting can be. */
function inWords (schema: Described): string {
  const { type, wrapped, entries, item, options = [], pipe = [] } = schema
  const bound = (of: string): string | undefined => {
    const found = pipe.find(step => step.type === of)
    return found === undefined ? undefined : String(found.requirement)
  }
  if (wrapped !== undefined) return inWords(wrapped)
  if (entries !== undefined) return `an object of ${Object.keys(entries).join(', ')}`
  switch (type) {
    case 'number':
      return `a ${bound('integer') === undefined ? '' : 'whole '}number from ${
        bound('min_value')
      } to ${bound('max_value')}`
    case 'string':
      return 'a string'
    case 'array':
      return `an array of ${bound('min_length') ?? '0'} or more, each ${
        item === undefined ? 'of any kind' : inWords(item)
      }`
    case 'record':
      return 'an object with a name for each'
    case 'picklist':
      return options.map(option => JSON.stringify(option)).join(' or ')
    case 'union':
      return options.map(option => inWords(option as Described)).join(', or ')
    default:
      return `a ${type}`
  }
}

function valueInWords (value: unknown): string {
  return typeof value === 'number' ? String(value) : describe(value)
}
