/** The surroundings of a node or client that a program may replace, and their defaults. */
import { assertCalls } from '../engine/base/has-calls.js'
import { assertKnown } from '../engine/base/known.js'
import { messageOf } from '../engine/base/thrown.js'
import { assertLimits, limits as usualLimits, type Limits } from '../engine/limits.js'
import type { Ports } from '../engine/ports.js'
import type { Store } from '../storage/store.js'
import type { OnMillpondEvent } from './events.js'
import type { Inside } from './inside.js'
import type { Network } from './network.js'
import { whenRejected } from './own-adapters/checks.js'
import { guardedPorts } from './own-adapters/guarded-ports.js'
import { systemPorts } from './system-ports.js'
import { warn, warningOfWrites } from './observe/warnings.js'

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
  /**
   * Time, timers and chance. One that cannot be is a TypeError of openNode or connect; the first
   * failure of each afterwards is a warning of the process, and the system's stands in. Default:
   * those of the system.
   */
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
  /**
   * Hears everything the node or client reports. A mistake in it, an exception or a promise that
   * rejects, is told once as a warning of the process and changes nothing else. Default: the first
   * write that fails with a code is told as a warning of the process, and nothing else listens.
   */
  readonly onEvent?: OnMillpondEvent
  /** Is handed the parts of the node or client before it joins: for simulations and tests. */
  readonly onInside?: (inside: Inside) => void
}

const KNOWN: ReadonlySet<string> = new Set<keyof Wiring>(['network', 'ports', 'limits', 'openStore',
  'onEvent', 'onInside'])

/** The calls that each part must have, for a mistake to be found before it is met by a timer. */
const CALLS = [
  ['network', ['connect']],
  ['ports', ['clock.wallMs', 'clock.monotonicMs', 'timers.after', 'random.uint32']],
  ['openStore', []],
  ['onEvent', []],
  ['onInside', []]
] as const satisfies ReadonlyArray<readonly [part: keyof Wiring, calls: readonly string[]]>

/**
 * @param call the function that was given the wiring
 * @throws TypeError when the limits cannot be, on a part that there is not, or on one that lacks
 *   what it must have
 */
export function surroundingsOf (wiring: Wiring, call: 'openNode' | 'connect'): Surroundings {
  assertKnown(wiring, KNOWN, call)
  for (const [part, calls] of CALLS) {
    if (wiring[part] !== undefined) assertCalls(part, wiring[part], calls)
  }
  const { limits = usualLimits, ports, onEvent } = wiring
  assertLimits(limits)
  return {
    limits,
    ports: ports === undefined ? systemPorts : guardedPorts(ports),
    onEvent: onEvent === undefined ? warningOfWrites(limits) : guardedListener(onEvent)
  }
}

/** Hands the parts of a node or client to a program that wants them. @throws what it throws */
export function tellInside ({ onInside }: Wiring, inside: Inside): void {
  whenRejected(onInside?.(inside), error => warn(`onInside failed: ${messageOf(error)}`))
}

/** A listener that reports is no part of the work: its mistakes must not break what it hears of. */
function guardedListener (onEvent: OnMillpondEvent): OnMillpondEvent {
  let hasWarned = false
  const failed = (type: string, thrown: unknown): void => {
    if (hasWarned) return
    hasWarned = true
    warn(
      `onEvent failed at an event ${type}: ${messageOf(thrown)}; later failures of it are not told`
    )
  }
  return event => {
    try {
      whenRejected(onEvent(event), thrown => failed(event.type, thrown))
    } catch (thrown) {
      failed(event.type, thrown)
    }
  }
}
