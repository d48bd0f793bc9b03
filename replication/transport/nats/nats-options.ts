/**
 * The options of a NATS connection, checked before a server is dialled.
 *
 * The list of servers gets special care. A client forgets for good a server that is down while it
 * connects for the first time, and it silently ignores credentials inside a URL. Two defaults of
 * the client are replaced: it would give up after ten attempts, and notice a half-open connection
 * only after six minutes.
 */
import { assertBounds, assertCalls } from '../../../engine/base/has-calls.js'
import { describe, shortened } from '../../../engine/base/plain.js'
import { ConfigError } from '../../../engine/errors.js'
import type { Limits } from '../../../engine/limits.js'
import type { Random, Timers } from '../../../engine/ports.js'
import { intervals } from '../../../engine/timing.js'
import { assertSubject, tokenOf } from '../subjects-match.js'

/** Paths of files in PEM. Default: the authorities that Node trusts, and no certificate. */
export interface NatsTls {
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
}

export interface NatsOptions {
  /** `nats://host:port`, one or several servers of one cluster. */
  readonly servers: string | readonly string[]
  /** Shown by the server's monitoring, and part of the default inbox prefix. */
  readonly name: string
  /** Of these the connection keeps maxPartBytes, maxUnflushedBytes and maxSubjectBytes. */
  readonly limits: Limits
  readonly timers: Timers
  /** Spreads reconnects over time and picks the first server. */
  readonly random: Random
  /**
   * Inboxes lie below this subject; every user needs one of its own, or replies leak. Default:
   * `_INBOX_<name>`.
   */
  readonly inboxPrefix?: string
  readonly user?: string
  readonly pass?: string
  readonly token?: string
  /** Set, even to {}, to insist on TLS. */
  readonly tls?: NatsTls
  /** How long the first connection may take over all servers, in milliseconds. Default: 3000. */
  readonly connectTimeoutMs?: number
  /** Bytes under way before publish drops. Default: limits.maxUnflushedBytes. */
  readonly maxUnflushedBytes?: number
  /**
   * Hears of troubles that no call reports: refused permissions, failed logins, exceptions in
   * handlers. Default: a process warning.
   */
  readonly onProblem?: (error: unknown) => void
}

const KEPT = ['maxPartBytes', 'maxUnflushedBytes', 'maxSubjectBytes']

/** @throws ConfigError, TypeError naming the option and what it should be */
export function checkNatsOptions (
  options: NatsOptions
): { readonly servers: readonly string[], readonly inboxPrefix: string } {
  assertCalls('connectNats', options, ['timers.after', 'random.uint32'])
  assertBounds(options.limits, KEPT)
  if (typeof options.name !== 'string') {
    throw new TypeError(`name of connectNats must be a string, got ${describe(options.name)}`)
  }
  const inboxPrefix = options.inboxPrefix ?? `_INBOX_${tokenOf(options.name)}`
  try {
    assertSubject(inboxPrefix, options.limits)
  } catch (error) {
    throw new ConfigError(`inboxPrefix cannot be used: ${(error as Error).message}`, error)
  }
  return { servers: serverList(options.servers), inboxPrefix }
}

/**
 * The options for the NATS client. An attempt to connect fails when `assertWanted` throws, even if
 * a server was found.
 */
export function clientOptions (
  options: NatsOptions,
  servers: readonly string[],
  random: () => number,
  assertWanted: () => void
) {
  const { name, user, pass, token, tls } = options
  return {
    name,
    servers: dialOrder(servers, random),
    noRandomize: true,
    timeout: intervals.natsDialTimeoutMs,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    waitOnFirstConnect: false,
    pingInterval: intervals.natsPingIntervalMs,
    maxPingOut: 2,
    reconnectDelayHandler: () =>
      intervals.natsReconnectWaitMs + random() * intervals.natsReconnectJitterMs,
    // The client asks it last, when a server has answered. An authenticator may return credentials;
    // this one returns none, so user and pass, or token, count.
    authenticator: assertWanted,
    ...(user !== undefined && { user }),
    ...(pass !== undefined && { pass }),
    ...(token !== undefined && { token }),
    ...(tls !== undefined && { tls: { ...tls } })
  }
}

const EXAMPLE = 'nats://127.0.0.1:4222'

/** The servers asked for. An error quotes a refused server without the secrets it may hold. */
function serverList (servers: unknown): string[] {
  const list = [servers].flat().map(server => {
    if (typeof server === 'string') return server.trim()
    throw new ConfigError(
      `a NATS server must be a URL, such as ${EXAMPLE}, got ${describe(server)}`
    )
  }).filter(server => server !== '')
  if (list.length === 0) {
    throw new ConfigError('no NATS server given: pass at least one, such as ' + EXAMPLE)
  }
  for (const server of list) {
    if (server.includes('@')) {
      throw new ConfigError(
        `credentials in a NATS server URL are not used (${
          shortened(server.replace(/[^/]*@/, '***@'), 200)
        }): pass them as user and pass, or token`
      )
    }
    if (!URL.canParse(server.includes('://') ? server : `nats://${server}`)) {
      throw new ConfigError(
        `not a NATS server URL: ${shortened(server, 200)}; it should look like ${EXAMPLE}`
      )
    }
  }
  return [...new Set(list)]
}

/**
 * The order to dial in: shuffled, so that many clients spread over the servers, and each server
 * twice, because the client strikes one entry for every failure of the first round.
 */
function dialOrder (servers: readonly string[], random: () => number): string[] {
  const order = [...servers]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const swapped = order[i] as string
    order[i] = order[j] as string
    order[j] = swapped
  }
  return order.length === 1 ? order : [...order, ...order]
}
