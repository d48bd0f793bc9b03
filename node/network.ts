/** A network for nodes and clients of one process that need no server: tests, demos, embedding. */
import { limits as usualLimits, type Limits } from '../engine/limits.js'
import type { Ports } from '../engine/ports.js'
import { InProcessNetwork } from '../replication/transport/in-process/network.js'
import { systemPorts } from './system-ports.js'

/**
 * Pass it as `network` to every openNode and connect that should see each other.
 * @param ports default: the system's; timers deliver, chance decides faults
 * @param limits default: the usual ones; of a message maxPartBytes, of a sender maxUnflushedBytes
 */
export function createNetwork (
  ports: Pick<Ports, 'timers' | 'random'> = systemPorts,
  limits: Limits = usualLimits
): InProcessNetwork {
  return new InProcessNetwork({ limits, timers: ports.timers, random: ports.random })
}
