/** Connects over the network that a program brings. */
import { messageOf } from '../../engine/base/thrown.js'
import { ConnectionError } from '../../engine/errors.js'
import { intervals } from '../../engine/timing.js'
import { settledWithin } from '../../replication/transport/settled-within.js'
import type { Transport } from '../../replication/transport/transport.js'
import type { Network } from '../network.js'
import { closeAnything, isOurs } from './checks.js'
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
    closeLate(dialling, options)
    throw new ConnectionError(
      `${name} cannot connect over its network: no answer within ${timeoutMs} ms`
    )
  }
  const given = await dialling
  try {
    return guardedTransport(given, options)
  } catch (error) {
    await settledWithin(closeAnything(given), timers, intervals.undoTimeoutMs)
    if (isOurs(error)) throw error
    throw failed(name, error)
  }
}

/** What comes after it was given up is closed, and a failure is told: nobody else waits for it. */
function closeLate (dialling: Promise<unknown>, options: GuardOptions): void {
  dialling.then(async late => {
    try {
      await guardedTransport(late, options).close()
    } catch (error) {
      await closeAnything(late)
      throw error
    }
  }).catch(options.onProblem)
}

function failed (name: string, cause: unknown): ConnectionError {
  return new ConnectionError(
    `${name} cannot connect over its network: ${messageOf(cause)}`,
    cause
  )
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
    throw failed(name, cause)
  }
}
