/** Connects over the network that a program brings. */
import { messageOf } from '../../engine/base/thrown.js'
import { ConnectionError } from '../../engine/errors.js'
import { intervals } from '../../engine/timing.js'
import { settledWithin } from '../../replication/transport/settled-within.js'
import type { Transport } from '../../replication/transport/transport.js'
import type { Network } from '../network.js'
import { isOurs } from './checks.js'
import { guardedTransport, type GuardOptions } from './guarded-transport.js'

/**
 * @param timeoutMs how long the network may take; Infinity for as long as it likes
 * @throws ConnectionError, or another error with a code, as the network gives it; TypeError when
 *   what it gives is no Transport
 */
export async function connectOver (
  network: Network,
  timeoutMs: number,
  options: GuardOptions
): Promise<Transport> {
  const { name, ports: { timers }, onProblem } = options
  const dialling = dial(network, name, onProblem)
  if (timeoutMs < Infinity && !await settledWithin(dialling, timers, timeoutMs)) {
    dialling.then(late => guardedTransport(late, options).close()).catch(onProblem)
    throw new ConnectionError(
      `${name} cannot connect over its network: no answer within ${timeoutMs} ms`
    )
  }
  const given = await dialling
  try {
    return guardedTransport(given, options)
  } catch (error) {
    await settledWithin(closeAnything(given), timers, intervals.undoTimeoutMs)
    throw error
  }
}

async function dial (
  network: Network,
  name: string,
  onProblem: (error: unknown) => void
): Promise<unknown> {
  try {
    return await network.connect(name, { onProblem })
  } catch (cause) {
    if (isOurs(cause)) throw cause
    throw new ConnectionError(
      `${name} cannot connect over its network: ${messageOf(cause)}`,
      cause
    )
  }
}

/** What is no Transport may be connected all the same. */
async function closeAnything (given: unknown): Promise<void> {
  await (given as { close?: () => Promise<void> } | null | undefined)?.close?.()
}
