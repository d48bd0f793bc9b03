/**
 * The ports of the core besides transport and store: time, timers and chance. The core never calls
 * Date.now, setTimeout or Math.random itself, so a seeded, single-threaded simulation can take the
 * place of all three.
 */

export interface Clock {
  /**
   * Wall-clock time, milliseconds since 1970, with fractions, read anew each time: it jumps either
   * way, and goes on over a time in which the machine was suspended. For versions and expiry, never
   * for an interval.
   */
  wallMs(): number
  /**
   * A clock that never goes back, milliseconds since an arbitrary start. For measuring and for
   * timeouts. It may stand still while the machine is suspended.
   */
  monotonicMs(): number
  /**
   * For how long the machine was suspended while the monotonic clock stood still, as far as that is
   * known. Default: never.
   */
  suspendedMs?(): number
}

export interface Timer {
  cancel(): void
}

export interface Timers {
  /**
   * Calls `fn` once, at least `delayMs` from now; 0 means after the messages and timers that are
   * already due.
   */
  after(delayMs: number, fn: () => void): Timer
}

export interface Random {
  /** An unpredictable integer in [0, 2^32). */
  uint32(): number
}

export interface Ports {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
}
