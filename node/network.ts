/** Networks in place of NATS, and the one for nodes and clients of a single process. */
import { assertCalls } from '../engine/base/has-calls.js'
import { assertLimits, limits as usualLimits, type Limits } from '../engine/limits.js'
import type { Ports } from '../engine/ports.js'
import { InProcessNetwork } from '../replication/transport/in-process/network.js'
import type { Transport } from '../replication/transport/transport.js'
import { systemPorts } from './system-ports.js'

/**
 * Connects nodes and clients in place of NATS: createNetwork() within one process, or a Transport
 * of one's own (millpond/adapters), dialled in `connect`.
 */
export interface Network {
  /**
   * A new connection, which its node or client closes. `name` is that of the node or client;
   * `onProblem` hears of exceptions in message handlers, and of troubles that no call reports.
   * No limits are handed over: the program that makes the network gives it the same ones
   * as `limits` of the wiring (createNetwork's second argument), of which it keeps maxPartBytes,
   * maxUnflushedBytes and maxSubjectBytes.
   * @throws ConfigConflictError when the name is taken; ConnectionError when it cannot connect.
   *   openNode and connect pass an error with a code and a TypeError on as they are, and any other
   *   as the cause of a ConnectionError. So it is with every call of the Transport, but for publish
   *   (see there). connect gives up after connectTimeoutMs; openNode waits
   */
  connect(
    name: string,
    options: { readonly onProblem: (error: unknown) => void }
  ): Transport | Promise<Transport>
}

/**
 * Pass it as `network` to every openNode and connect that should see each other.
 * @param ports default: the system's; timers deliver, chance decides faults
 * @param limits default: the usual ones; of a message maxPartBytes, of a sender maxUnflushedBytes
 * @throws TypeError naming the part that cannot be
 */
export function createNetwork (
  ports: Pick<Ports, 'timers' | 'random'> = systemPorts,
  limits: Limits = usualLimits
): InProcessNetwork {
  assertLimits(limits)
  assertCalls('ports', ports, ['timers.after', 'random.uint32'])
  return new InProcessNetwork({ limits, timers: ports.timers, random: ports.random })
}
