/** Adapters of a program's own, for tests: those of this repository with some parts replaced. */
import type { ExecutionContext } from 'ava'
import { createNetwork, type Network, type Transport } from '../../adapters.js'

/** Replaces parts of a transport, or of a store. */
export function replace<T extends object> (target: T, parts: object): T {
  return Object.defineProperties(target, Object.getOwnPropertyDescriptors(parts))
}

/** As from a program without types. */
export function untyped (value: unknown): never {
  return value as never
}

/** An object that throws whatever is done with it. */
export function revoked (): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

export function throwing (thrown: unknown): () => never {
  return () => {
    throw thrown
  }
}

/** A network whose transports have some parts replaced, and the ones it gave so far. */
export function networkWith (parts: (transport: Transport) => object) {
  const inner = createNetwork()
  const given: Transport[] = []
  const network: Network = {
    connect: (name, options) => {
      const transport = inner.connect(name, options)
      given.push(transport)
      return replace(transport, parts(transport))
    }
  }
  return { inner, network, given }
}

/**
 * Listens for promises that are rejected and that nobody waits for, each of which would end the
 * process. Only in a test that runs alone in its file (`test.serial`): they are the process's.
 * @returns those so far, once all that was rejected by now is known
 */
export function unhandledRejections (t: ExecutionContext): () => Promise<unknown[]> {
  const rejected: unknown[] = []
  const onRejection = (reason: unknown): void => {
    rejected.push(reason)
  }
  process.on('unhandledRejection', onRejection)
  t.teardown(() => process.off('unhandledRejection', onRejection))
  return async () => {
    await new Promise<void>(resolve => {
      setImmediate(resolve)
    })
    return rejected
  }
}
