/**
 * Events and status as Prometheus metrics. prom-client is imported here and nowhere else.
 *
 * Events are counted as they are reported (`_total`, counters.ts). Current values are read from a
 * status when the metrics are scraped (gauges.ts), so a process that is not scraped spends nothing
 * on them. The meaning of each name is also in the text Prometheus gets. The metrics Node.js has of
 * the process come with them, as millpond_process_* and millpond_nodejs_*. Labels have few values:
 * a cache, a reason, a phase, a consumer group that runs here; never a key, a shard or a peer.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { MillpondEvent } from '../events.js'
import { countEvent, COUNTERS, type Count } from './counters.js'
import { GAUGES, setStatus, type SetGauge, type Shown } from './gauges.js'

export interface Metrics {
  /** Counts an event. */
  onEvent(event: MillpondEvent): void
  /** Everything in Prometheus' text format. @param status for the gauges; default: as they were */
  text(status?: Shown): Promise<string>
  readonly contentType: string
}

export function createMetrics (): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'millpond_' })
  const counters = new Map(
    Object.entries(COUNTERS).map((
      [name, [help, labels]]
    ): [string, Counter] => [name,
      new Counter({ name, help, labelNames: [...labels], registers: [registry] })]
    )
  )
  const gauges = new Map(
    Object.entries(GAUGES).map((
      [name, [help, labels]]
    ): [string, Gauge] => [name,
      new Gauge({ name, help, labelNames: [...labels], registers: [registry] })]
    )
  )
  const count: Count = (name, labels = {}, by = 1) => counters.get(name)?.inc(labels, by)
  const set: SetGauge = (name, labels, value) => gauges.get(name)?.set(labels, value)
  set('millpond_connected', {}, 1)
  return {
    contentType: registry.contentType,
    onEvent (event) {
      if (event.type === 'connection') set('millpond_connected', {}, event.connected ? 1 : 0)
      countEvent(event, count)
    },
    async text (status) {
      if (status !== undefined) {
        // values of the last scrape must not stay: a phase may have no groups now
        for (const [name, gauge] of gauges) if (name !== 'millpond_connected') gauge.reset()
        setStatus(status, set)
      }
      return await registry.metrics()
    }
  }
}
