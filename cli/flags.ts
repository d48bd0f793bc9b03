/**
 * Values of flags: text in, checked value out, and a message that names the flag, the value and
 * what would be right.
 */
import { describe } from '../engine/base/plain.js'
import { checkKey } from '../engine/base/values.js'
import { ConfigError } from '../engine/errors.js'
import { limits } from '../engine/limits.js'
import { messageOf } from '../engine/base/thrown.js'
import { LOG_LEVELS, type LogLevel } from '../node/observe/logger.js'
import type { WriteConcern } from '../replication/deltas/write-concern.js'
import type { RowFormat } from '../connectors/files/rows.js'

type Parse<T> = (text: string) => T

export function wholeNumber (
  flag: string,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER
): Parse<number> {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN
    if (!(value >= min && value <= max)) {
      throw new ConfigError(
        `${flag} ${describe(text)}: give a whole number ${
          max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
        }`
      )
    }
    return value
  }
}

/** @param least the smallest number that can work; default: any above 0 */
export function positiveNumber (flag: string, least = 0): Parse<number> {
  return text => {
    const value = text.trim() === '' ? NaN : Number(text)
    if (!(value > 0 && value < Infinity)) {
      throw new ConfigError(`${flag} ${describe(text)}: give a number above 0`)
    }
    if (value < least) {
      throw new ConfigError(`${flag} ${describe(text)}: give a number of at least ${least}`)
    }
    return value
  }
}

export function oneOf<T extends string> (flag: string, choices: readonly T[]): Parse<T> {
  return text => {
    const found = choices.find(choice => choice === text)
    if (found === undefined) {
      throw new ConfigError(`${flag} ${describe(text)}: give one of ${choices.join(', ')}`)
    }
    return found
  }
}

export const format: Parse<RowFormat> = oneOf('--format', ['csv', 'ndjson'])
export const logLevel: Parse<LogLevel> = oneOf('--log-level', LOG_LEVELS)

export const names: Parse<string[]> = text => {
  const list = text.split(',').map(name => name.trim())
  if (list.includes('')) {
    throw new ConfigError(
      `--fields ${
        describe(text)
      }: give names with commas between them, such as --fields price,stock`
    )
  }
  return list
}

export const writeConcern: Parse<WriteConcern> = text => {
  const [, ofStores, count = text] = /^(durable:)?(.*)$/s.exec(text) ?? []
  if (text === 'buffered' || text === 'durable') return text
  const replicas = count === 'majority' || count === 'all'
    ? count
    : /^[1-9]\d*$/.test(count)
    ? Number(count)
    : undefined
  if (replicas !== undefined) return ofStores === undefined ? replicas : { durable: replicas }
  throw new ConfigError(
    `--ack ${describe(text)}: give buffered, durable, majority, all or a number of replicas, or ` +
      'durable:2 for the stores of 2, durable:majority or durable:all'
  )
}

export const keyArgument: Parse<string> = text => {
  try {
    return checkKey(text, limits)
  } catch (error) {
    throw new ConfigError(`key ${describe(text)}: ${messageOf(error)}`, error)
  }
}

export const storeArgument: Parse<string> = text => {
  if (text !== '') return text
  throw new ConfigError('store "": give the id of a store, or the name of its node')
}
