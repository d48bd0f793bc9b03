/**
 * Makes a command that runs for long visible: its events are log lines on standard error, and its
 * metrics are served when it is given a port.
 */
import { ConfigError } from '../engine/errors.js'
import type { ConsumerStatus } from '../pubsub/requests/status-protocol.js'
import type { OnMillpondEvent } from '../node/events.js'
import type { Shown } from '../node/observe/gauges.js'
import { createLogger, type Logger, type LogLevel } from '../node/observe/logger.js'
import { serveMetrics, type MetricsServer } from '../node/observe/metrics-server.js'
import { createMetrics } from '../node/observe/metrics.js'

export interface ObservationFlags {
  readonly metricsPort?: number
  readonly logLevel: LogLevel
}

export interface Observation {
  readonly logger: Logger
  /** Takes every event of the node or client. */
  readonly onEvent: OnMillpondEvent
  /**
   * Serves the metrics and the health of the process, where --metrics-port was given.
   * @param status the figures that the gauges show
   * @param consumers the process is unhealthy while one of these has no node to read from. Default:
   *   none
   * @param waitsFor what the process waits for before it is ready. Default: nothing
   * @returns the server; undefined where no port was given
   * @throws ConfigError when the port cannot be used, naming the flag
   */
  readonly serve: (
    status: () => Shown,
    consumers?: () => readonly ConsumerStatus[],
    waitsFor?: () => string | undefined
  ) => Promise<MetricsServer | undefined>
}

/**
 * @param facts stand in every log line
 * @param isEnding a connection that closes from then on is no news
 */
export function observe (
  { metricsPort, logLevel }: ObservationFlags,
  facts: Readonly<Record<string, string>>,
  isEnding: () => boolean
): Observation {
  const logger = createLogger({ level: logLevel, facts })
  const metrics = metricsPort === undefined ? undefined : createMetrics()
  let isConnected = true
  return {
    logger,
    onEvent (event) {
      if (event.type === 'connection' && isEnding()) return
      if (event.type === 'connection') isConnected = event.connected
      logger.onEvent(event)
      metrics?.onEvent(event)
    },
    async serve (status, consumers = () => [], waitsFor = () => undefined) {
      if (metrics === undefined || metricsPort === undefined) return undefined
      try {
        return await serveMetrics({
          port: metricsPort,
          contentType: metrics.contentType,
          metrics: () => metrics.text(status()),
          waitsFor,
          problem: () => isConnected ? unheldProblem(consumers()) : 'not connected to NATS'
        })
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        throw new ConfigError(`--metrics-port ${metricsPort}: ${error.message}`, error)
      }
    }
  }
}

/** A line on the first consumer that misses nodes to read from, if there is one. */
export function unheldProblem (consumers: readonly ConsumerStatus[]): string | undefined {
  const found = consumers.find(({ groupsWithoutHolder }) => groupsWithoutHolder > 0)
  if (found === undefined) return undefined
  const { cache, groupsWithoutHolder: count } = found
  return `no node in view holds ${count} placement group${count === 1 ? '' : 's'} of cache ${cache}`
}
