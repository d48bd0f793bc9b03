/**
 * Stores and transports that a program brings: what they fail with, and whether they are what they
 * should be.
 *
 * An adapter may fail with the errors of whatever it is built on, which have no code of ours. Those
 * become the cause of an error that has one. A TypeError stays as it is: it is a mistake in the
 * program, here as everywhere.
 */
import { ConnectionError, MillpondError, StoreError } from '../engine/errors.js'
import type { Transport } from '../replication/transport/transport.js'
import type { Store, StoredShard } from '../storage/store.js'
import type { Network } from './network.js'

const STORE = ['getMeta', 'setMeta', 'shards', 'commit', 'close'] as const
const TRANSPORT = ['publish', 'subscribe', 'onConnection', 'flush', 'close'] as const

/**
 * @throws ConnectionError, or another error with a code, as the network gives it; TypeError when
 *   what it gives is no Transport
 */
export async function connectOver (
  network: Network,
  name: string,
  onProblem: (error: unknown) => void
): Promise<Transport> {
  let transport: Transport
  try {
    transport = await network.connect(name, { onProblem })
  } catch (cause) {
    if (isOurs(cause)) throw cause
    throw new ConnectionError(`${name} cannot connect over its network: ${textOf(cause)}`, cause)
  }
  assertHas(transport, TRANSPORT, 'network.connect must give a Transport')
  if (typeof transport.inbox !== 'string' || typeof transport.maxMessageBytes !== 'number') {
    throw new TypeError(
      'network.connect must give a Transport: inbox must be a string, maxMessageBytes a number'
    )
  }
  return transport
}

/**
 * @throws StoreError, or another error with a code, as the program gives it; TypeError when what it
 *   gives is no Store
 */
export function openOwnStore (open: (cache: string) => Store, cache: string): Store {
  const store = withCode(cache, () => open(cache))
  assertHas(store, STORE, 'openStore must return a Store')
  return store
}

/**
 * Calls a store while its node opens.
 * @throws StoreError with the cause when it fails with an error without a code
 */
export function withCode<T> (cache: string, call: () => T): T {
  try {
    return call()
  } catch (cause) {
    if (isOurs(cause)) throw cause
    throw new StoreError(
      `the store of cache ${cache} failed: ${textOf(cause)}`,
      cause,
      { changed: 'no', retryable: false } // one that knows better fails with a code
    )
  }
}

/** The shards of a store as it gives them. @throws as withCode */
export function* shardsOf (store: Store, cache: string): Iterable<StoredShard> {
  const shards = withCode(cache, () => store.shards()[Symbol.iterator]())
  try {
    while (true) {
      const next = withCode(cache, () => shards.next())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    shards.return?.()
  }
}

function isOurs (error: unknown): boolean {
  return error instanceof MillpondError || error instanceof TypeError
}

function textOf (cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function assertHas (given: unknown, methods: readonly string[], must: string): void {
  if (given instanceof Promise) throw new TypeError(`${must}, not a promise of one`)
  const missing = methods.filter(name =>
    typeof (given as Record<string, unknown> | null | undefined)?.[name] !== 'function'
  )
  if (missing.length > 0) throw new TypeError(`${must}: it has no ${missing.join(', ')}`)
}
