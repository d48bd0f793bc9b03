/** A network for nodes and clients of one process that need no server: tests, demos, embedding. */
import type { Ports } from '../engine/ports.js'
import { InProcessNetwork } from '../replication/transport/in-process/network.js'
import { systemPorts } from './system-ports.js'

/** Pass it as `network` to every openNode and connect that should see each other. */
export function createNetwork (
  ports: Pick<Ports, 'timers' | 'random'> = systemPorts
): InProcessNetwork {
  return new InProcessNetwork({ timers: ports.timers, random: ports.random })
}
