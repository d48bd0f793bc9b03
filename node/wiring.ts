/** The surroundings of a node or client that a program may replace, and their defaults. */
import { assertKnown } from '../engine/base/known.js'
import { assertLimits, limits as usualLimits, type Limits } from '../engine/limits.js'
import type { Ports } from '../engine/ports.js'
import type { Store } from '../storage/store.js'
import type { OnMillpondEvent } from './events.js'
import type { Inside } from './inside.js'
import type { Network } from './network.js'
import { systemPorts } from './system-ports.js'

/** Bounds, ports and listener that a program gives its node or client, defaults included. */
export interface Surroundings {
  readonly limits: Limits
  readonly ports: Ports
  readonly onEvent: OnMillpondEvent
}

/** The parts of a node or client that tests and embedders may replace. */
export interface Wiring {
  /**
   * Connects nodes and clients without NATS: createNetwork(), or a transport of one's own. Not used
   * where the configuration has `nats`. Default: for a node a network of its own; a client needs
   * one or the other.
   */
  readonly network?: Network
  /** Time, timers and chance. Default: those of the system. */
  readonly ports?: Ports
  /**
   * The bounds of everything in the node or client (limitsWith): the same for all of a cluster, for
   * a node refuses what another one wrote under larger bounds. Default: `limits`. A value that
   * cannot be is a TypeError of openNode or connect.
   */
  readonly limits?: Limits
  /**
   * Opens the store of a cache, which the node closes; a client opens none. Not together with
   * `dataDir` or `durability`. An error fails openNode: as it is with a code (StoreError), else as
   * the cause of a StoreError; a TypeError stays one. Default: SQLite in `dataDir`, or memory
   * without one.
   */
  readonly openStore?: (cache: string) => Store
  /** Hears everything the node or client reports. Default: nothing listens. */
  readonly onEvent?: OnMillpondEvent
  /** Is handed the parts of the node or client before it joins: for simulations and tests. */
  readonly onInside?: (inside: Inside) => void
}

const KNOWN: ReadonlySet<string> = new Set<keyof Wiring>(['network', 'ports', 'limits', 'openStore',
  'onEvent', 'onInside'])

/**
 * @param call the function that was given the wiring
 * @throws TypeError when the limits cannot be, or on a part that there is not
 */
export function surroundingsOf (wiring: Wiring, call: 'openNode' | 'connect'): Surroundings {
  assertKnown(wiring, KNOWN, call)
  const { limits = usualLimits, ports = systemPorts, onEvent = () => {} } = wiring
  assertLimits(limits)
  return { limits, ports, onEvent }
}
