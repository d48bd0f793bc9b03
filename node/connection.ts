/** How a node or client is connected: over NATS, or over a network that it is handed. */
import { ConfigError } from '../engine/errors.js'
import type { Timing } from '../engine/timing.js'
import { Messenger } from '../replication/messages/messenger.js'
import { subjectsOf } from '../replication/messages/subjects.js'
import { connectNats } from '../replication/transport/nats/nats-transport.js'
import type { Transport } from '../replication/transport/transport.js'
import type { CheckedClientConfig } from './config.js'
import type { Network } from './network.js'
import type { NodeContext } from './node-context.js'
import { connectOver } from './own-adapters/own-network.js'
import { undoAll } from './undoing.js'
import type { Surroundings } from './wiring.js'

/** The cluster that a node or client connects to, the way there, and its name. */
export interface Dial {
  readonly cluster: string
  /** The name of the node or client. */
  readonly name: string
  readonly timing: Timing
  readonly nats: CheckedClientConfig['nats']
  /** Counts where no NATS servers are given. */
  readonly network: Network | undefined
  /** How long that network may take to connect; Infinity for as long as it likes. */
  readonly networkTimeoutMs: number
}

/**
 * Connects, and puts the context of a node or client together. Where that fails, nothing stays
 * connected.
 * @throws as openTransport, and as the transport's subscribe
 */
export async function openContext (dial: Dial, surroundings: Surroundings): Promise<NodeContext> {
  const transport = await openTransport(dial, surroundings)
  try {
    return {
      ...surroundings,
      timing: dial.timing,
      messenger: new Messenger({ ...surroundings, transport }),
      subjects: subjectsOf(dial.cluster)
    }
  } catch (error) {
    await undoAll([() => transport.close()], surroundings.ports.timers)
    throw error
  }
}

/**
 * @throws ConnectionError when the server cannot be reached, naming it and the fix; ConfigError
 *   when there is nothing to connect to; ConfigConflictError when the name is taken; TypeError
 *   when a network gives no Transport
 */
async function openTransport (
  { nats, network, networkTimeoutMs, name }: Dial,
  { limits, ports, onEvent }: Surroundings
): Promise<Transport> {
  const onProblem = (error: unknown) => onEvent({ type: 'connection-problem', error })
  if (nats !== undefined) {
    const { servers, user, pass, token, tls } = nats
    return await connectNats({
      servers,
      name,
      limits,
      timers: ports.timers,
      random: ports.random,
      onProblem,
      ...user === undefined ? {} : { user },
      ...pass === undefined ? {} : { pass },
      ...token === undefined ? {} : { token },
      ...tls === undefined
        ? {}
        : {
          tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
        }
    })
  }
  if (network === undefined) {
    throw new ConfigError(
      'nothing to connect to: give nats.servers in the configuration, or the network of the ' +
        'nodes as Wiring.network, in the second argument'
    )
  }
  return await connectOver(network, networkTimeoutMs, { name, limits, ports, onProblem })
}
