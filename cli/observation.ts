/**
 * Makes a command that runs for long visible: its events are log lines on standard error, and its
 * metrics are served when it is given a port.
 */
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
   * Serves the metrics, when there is a port for them. @param status what the gauges show
   * @throws ConfigError when the port cannot be used
   */
  readonly serve: (status: () => Shown) => Promise<MetricsServer | undefined>
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
    async serve (status) {
      if (metrics === undefined || metricsPort === undefined) return undefined
      return await serveMetrics({
        port: metricsPort,
        contentType: metrics.contentType,
        metrics: () => metrics.text(status()),
        isConnected: () => isConnected
      })
    }
  }
}
