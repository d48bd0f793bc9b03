/** Values that a program without types may give anywhere. */
import { revoked } from './own-adapters.js'

const LONG = 'x'.repeat(100_000)

function circular (): object {
  const value: { [name: string]: unknown } = { name: 'loop' }
  value['self'] = value
  return value
}

class Vain {
  readonly own = 1
  get secret (): never {
    throw new Error('a getter that throws')
  }
  toString (): never {
    throw new Error('a toString that throws')
  }
  toJSON (): never {
    throw new Error('a toJSON that throws')
  }
}

/** Each anew, for a call may have changed or taken it. */
export const ODD_VALUES: ReadonlyArray<readonly [name: string, make: () => unknown]> = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['true', () => true],
  ['NaN', () => NaN],
  ['-Infinity', () => -Infinity],
  ['-1', () => -1],
  ['1e300', () => 1e300],
  ['0.5', () => 0.5],
  ['a bigint', () => 1n],
  ['a huge bigint', () => 10n ** 2000n],
  ['a symbol', () => Symbol('s')],
  ['a long symbol', () => Symbol(LONG)],
  ['an empty text', () => ''],
  ['a text', () => 'text'],
  ['a long text', () => LONG],
  ['a lone surrogate', () => '\ud800'],
  ['a function', () => () => undefined],
  ['a long function', () => Object.assign(() => undefined, { toString: () => LONG })],
  ['a class', () => Vain],
  ['an object', () => ({})],
  ['a circular object', circular],
  ['an object with an odd constructor', () => ({ constructor: { name: LONG } })],
  ['an object with a symbol for a name', () => ({ constructor: { name: Symbol('s') } })],
  ['an object with a long name', () => ({ [LONG]: 1 })],
  ['an object without a prototype', () => Object.create(null)],
  ['an instance', () => new Vain()],
  ['a revoked proxy', revoked],
  ['a Map', () => new Map([['k', 1]])],
  ['a Date that is none', () => new Date(NaN)],
  ['a Date', () => new Date(0)],
  ['a Date before 1970', () => new Date(-1)],
  ['a promise', () => Promise.resolve(1)],
  ['an empty array', () => []],
  ['an array of odd things', () => [Symbol('s'), 1n, circular(), revoked()]],
  ['a hole', () => Array(1)],
  ['a long array', () => Array(100_000).fill('text')],
  ['bytes', () => new Uint8Array(3)],
  ['a wrapped text', () => Object('k')]
]
