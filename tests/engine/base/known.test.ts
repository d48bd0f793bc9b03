/** Options that no call reads are refused by name. */
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { assertKnown, knownNames } from '../../../engine/base/known.js'

const known = new Set(['group', 'ratePerSecond', 'batchSize'])

test('an unknown option is refused by name, with the likeliest first (SPEC B3)', t => {
  t.notThrows(() => assertKnown({ group: 'g', batchSize: 1 }, known, 'consume'))
  t.throws(() => assertKnown({ group: 'g', rate: 5 }, known, 'consume'), {
    instanceOf: TypeError,
    message: 'rate is no option of consume; known are group, ratePerSecond, batchSize'
  })
  t.throws(() => assertKnown({ batchsize: 5 }, known, 'consume'), {
    message: 'batchsize is no option of consume; known are batchSize, group, ratePerSecond'
  })
})

test('an option that is undefined is left out, and so is one of a prototype', t => {
  t.notThrows(() => assertKnown({ rate: undefined }, known, 'consume'))
  t.notThrows(() => assertKnown(Object.create({ rate: 5 }), known, 'consume'))
})

test('options that are no object are refused', t => {
  for (const options of [null, 5, 'all', () => {}]) {
    t.throws(() => assertKnown(options, known, 'consume'), {
      instanceOf: TypeError,
      message: /^the options of consume must be an object, got /
    })
  }
})

test('an object that keeps its contents elsewhere is refused (SPEC B3)', t => {
  class Options {
    #group = 'g'
    describe (): string {
      return this.#group
    }
  }
  class Named {
    get group (): string {
      return 'g'
    }
  }
  const odd: Array<[options: object, name: string]> = [
    [new Date(0), 'a Date'],
    [new Map([['group', 'g']]), 'a Map'],
    [Promise.resolve({ group: 'g' }), 'a Promise'],
    [new Options(), 'a Options'],
    [new Error('no'), 'a Error'],
    [new Uint8Array(0), 'a Uint8Array']
  ]
  for (const [options, name] of odd) {
    const error = t.throws(() => assertKnown(options, known, 'consume'), { instanceOf: TypeError })
    t.regex(error.message, /^the options of consume must be an object with their names, got /)
    t.true(error.message.includes(name))
  }
  const right = [{}, Object.create(null), Object.freeze({}), new Named(), runInNewContext('({})'),
    Object.assign(new Options(), { group: 'g' })]
  for (const options of right) t.notThrows(() => assertKnown(options, known, 'consume'))
})

test('a name that is like none changes no order', t => {
  t.is(knownNames('x'.repeat(10_000), known), 'known are group, ratePerSecond, batchSize')
  t.is(knownNames('x', []), 'there are none')
})
