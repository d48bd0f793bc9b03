/**
 * Calls on a cache with a schema, as the compiler judges them. Nothing here runs: `npm run check`
 * fails when a line is no error that is marked as one, or the other way round.
 */
import type { Cache, MillpondClient, MillpondNode, Value } from '../../../index.js'

type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false
function same<A, B> (_: Same<A, B>): void {}

export async function typed (node: MillpondNode, client: MillpondClient): Promise<void> {
  const cache = node.cache('offers', {
    price: 'register',
    name: 'register',
    views: 'counter',
    tags: 'set',
    best: 'min',
    top: 'max',
    position: 'sequenced'
  })
  same<
    typeof cache,
    ReturnType<
      typeof client.cache<
        {
          readonly price: 'register',
          readonly name: 'register',
          readonly views: 'counter',
          readonly tags: 'set',
          readonly best: 'min',
          readonly top: 'max',
          readonly position: 'sequenced'
        }
      >
    >
  >(true)

  const fields = await cache.get('k')
  if (fields === undefined) return
  same<typeof fields.price, Value | undefined>(true)
  same<typeof fields.views, number | undefined>(true)
  same<typeof fields.tags, ReadonlyArray<string | number | boolean> | undefined>(true)
  same<typeof fields.best, number | undefined>(true)
  same<typeof fields.position, Value | undefined>(true)
  // @ts-expect-error no such field
  void fields.colour
  const [one] = await cache.getMany(['k'])
  same<typeof one, typeof fields | undefined>(true)
  for await (const record of cache.scan()) {
    same<typeof record.fields.views, number | undefined>(true)
  }

  await cache.put('k', { price: 1 }, { ttlMs: 1000, at: new Date(), ack: 'majority' })
  await cache.replace('k', { price: { nested: [1] }, name: null })
  // @ts-expect-error a counter is no register
  await cache.put('k', { views: 1 })
  // @ts-expect-error neither is a sequenced field
  await cache.replace('k', { position: 1 })
  // @ts-expect-error a field the schema does not have
  await cache.put('k', { colour: 'red' })
  // @ts-expect-error not a value
  await cache.put('k', { price: new Date() })

  await cache.increment('k', 'views', 2, { ack: 2 })
  await cache.addToSet('k', 'tags', ['x', 1, true])
  await cache.removeFromSet('k', 'tags', 'x')
  await cache.raiseTo('k', 'top', 1)
  await cache.lowerTo('k', 'best', 1)
  // @ts-expect-error a register is no counter
  await cache.increment('k', 'price')
  // @ts-expect-error a counter is no set
  await cache.addToSet('k', 'views', 1)
  // @ts-expect-error null is no element
  await cache.addToSet('k', 'tags', null)
  // @ts-expect-error a minimum is no maximum
  await cache.raiseTo('k', 'best', 1)
  // @ts-expect-error a maximum is no minimum
  await cache.lowerTo('k', 'top', 1)
  // @ts-expect-error operations have no event time
  await cache.increment('k', 'views', 1, { at: 5 })
  // @ts-expect-error nor do they expire
  await cache.addToSet('k', 'tags', 'x', { ttlMs: 5 })
  await cache.hasElement('k', 'tags', 'x')
  // @ts-expect-error a register is no set
  await cache.hasElement('k', 'price', 'x')

  await cache.unset('k', ['views', 'price'])
  // @ts-expect-error a field the schema does not have
  await cache.unset('k', ['colour'])
  await cache.patch('k', {
    price: { value: 2.6, at: 5 },
    name: { value: undefined },
    position: { value: 5, sequence: 1234 }
  })
  // @ts-expect-error a sequenced field wants its number
  await cache.patch('k', { position: { value: 5 } })
  // @ts-expect-error a register takes none
  await cache.patch('k', { price: { value: 5, sequence: 1 } })
  // @ts-expect-error counters cannot be set
  await cache.patch('k', { views: { value: 5 } })

  await cache.update('k', current => ({ price: (current?.views ?? 0) + 1 }))
  await cache.update('k', () => null)
  // @ts-expect-error only registers can be put
  await cache.update('k', () => ({ views: 1 }))

  // @ts-expect-error not a kind
  node.cache('offers', { price: 'number' })
}

export async function open (node: MillpondNode): Promise<void> {
  const cache: Cache = node.cache('offers')
  await cache.put('k', { anything: 1 })
  await cache.increment('k', 'whatever')
  await cache.patch('k', { a: { value: 1, at: 2 }, b: { value: 1, sequence: 2 } })
  const fields = await cache.get('k')
  same<typeof fields, { readonly [name: string]: Value } | undefined>(true)
  // @ts-expect-error not a patch
  await cache.patch('k', { a: 1 })
}
