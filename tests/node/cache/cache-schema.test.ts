/**
 * Schemas as they are declared and checked when the program runs; cache-types.ts has what the
 * compiler makes of them.
 */
import test from 'ava'
import { limits, openNode, type Schema } from '../../../index.js'
import { ConfigError, KindError } from '../../../engine/errors.js'
import { FieldKinds } from '../../../node/cache/cache-schema.js'

test('a schema that cannot be one is refused by name, and nothing of it is kept', t => {
  const kinds = new FieldKinds('offers', limits)
  const refused = (schema: unknown, message: RegExp) =>
    t.throws(() => kinds.declare(schema as Schema), { instanceOf: ConfigError, message })
  refused(null, /schema of cache offers: expected an object of field kinds, got null/)
  refused(
    { views: 'counter', price: 'number' },
    /field price cannot be "number"; use register, counter, max, min, sequenced, set/
  )
  refused({ views: 'counter', '': 'set' }, /must not be empty/)
  refused(
    Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`f${i}`, 'set'])),
    /257 fields, at most 256/
  )
  t.notThrows(() => kinds.assert('views', 'set'))
})

test('a later declaration adds to an earlier one, and may not contradict it', t => {
  const kinds = new FieldKinds('offers', limits)
  kinds.declare({ views: 'counter' })
  kinds.declare({ views: 'counter', tags: 'set' })
  t.throws(() => kinds.declare({ price: 'register', tags: 'counter' }), {
    instanceOf: ConfigError,
    message: /field tags was declared a set in this process and cannot be a counter as well/
  })
  t.notThrows(() => kinds.assert('price', 'max'))
  t.throws(() => kinds.assert('tags', 'max'), { instanceOf: KindError })
})

test('names that every object has are fields like any other', t => {
  const kinds = new FieldKinds('offers', limits)
  kinds.declare(Object.fromEntries([['constructor', 'counter']]))
  t.throws(() => kinds.assertRegisters({ constructor: 1 }), { instanceOf: KindError })
  t.notThrows(() => kinds.assertRegisters({ toString: 1 }))
})

test('wrong arguments and misused fields throw at once and send nothing (SPEC B3)', async t => {
  const node = await openNode({
    cluster: 'schema',
    caches: { offers: { shards: 4 } },
    timing: { joinWaitMs: 0 }
  })
  t.teardown(() => node.close())
  node.cache('offers', {
    price: 'register',
    views: 'counter',
    tags: 'set',
    best: 'min',
    top: 'max',
    position: 'sequenced'
  })
  const offers = node.cache('offers')
  const wrongKind = [
    () => offers.put('k', { views: 1 }),
    () => offers.replace('k', { price: 1, tags: [] }),
    () => offers.put('k', { position: 1 }),
    () => offers.patch('k', { best: { value: 1 } }),
    () => offers.increment('k', 'price'),
    () => offers.addToSet('k', 'views', 1),
    () => offers.removeFromSet('k', 'best', 1),
    () => offers.raiseTo('k', 'best', 1),
    () => offers.lowerTo('k', 'top', 1)
  ]
  for (const write of wrongKind) {
    t.throws(write, { instanceOf: KindError, message: /of cache offers is declared a/ })
  }
  const dated: object = { at: 5 }
  const mortal: object = { ttlMs: 5 }
  const wrongType = [
    () => offers.increment('k', 'views', '1' as unknown as number),
    () => offers.increment('k', 'views', 1, dated),
    () => offers.addToSet('k', 'tags', 'x', mortal),
    () => offers.addToSet('k', 'tags', []),
    () => offers.unset('k', []),
    () => offers.unset('k', 'price' as unknown as string[]),
    () => offers.unset('k', ['price'], mortal),
    () => offers.delete('k', mortal),
    () => offers.patch('k', { price: { value: 1 } }, mortal),
    () => offers.put('k', { price: 1 }, { ttlMs: 0 }),
    () => offers.put('k', { price: 1 }, { ttlMs: NaN }),
    () => offers.put('k', { price: 1 }, { ttlMs: '5' as unknown as number }),
    () => offers.put('k', { price: 1 }, { timeoutMs: -1 }),
    () => offers.put(1 as unknown as string, { price: 1 })
  ]
  for (const write of wrongType) t.throws(write, { instanceOf: TypeError })
  for (
    const write of [() => offers.increment('k', 'views', Infinity),
      () => offers.addToSet('k', 'tags', null as unknown as string),
      () => offers.raiseTo('k', 'top', NaN)]
  ) t.throws(write, { code: 'VALUE_REFUSED' })
  for (
    const write of [() => offers.put('k', { price: 1 }, { ttlMs: 1e14 }),
      () => offers.addToSet('k', 'tags', Array.from({ length: 129 }, (_, i) => i))]
  ) t.throws(write, { code: 'LIMIT_EXCEEDED' })
  t.throws(() => offers.hasElement('k', 'views', 1), { instanceOf: KindError })
  await offers.flush()
  t.false(await offers.has('k'))
})
