/**
 * Latencies in fixed memory (about 100 KB), whatever their number: an HDR histogram in microseconds
 * that keeps three significant digits. hdr-histogram-js is imported here and nowhere else.
 */
import { build } from 'hdr-histogram-js'

/**
 * One hour. A longer latency is counted as one hour: it is off the scale of any report.
 */
const MAX_US = 3_600_000_000

export interface LatencySummary {
  readonly count: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export class Latencies {
  readonly #histogram = build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: MAX_US,
    numberOfSignificantValueDigits: 3
  })

  /** A negative one counts as 0: two clocks that disagree a little may make one. */
  record (ms: number): void {
    if (Number.isNaN(ms)) throw new TypeError('a latency must be a number of milliseconds, got NaN')
    this.#histogram.recordValue(Math.min(Math.max(Math.round(ms * 1000), 0), MAX_US))
  }

  /** All zero when nothing was recorded. */
  summary (): LatencySummary {
    const percentileMs = (percentile: number): number =>
      this.#histogram.getValueAtPercentile(percentile) / 1000
    return {
      count: this.#histogram.totalCount,
      p50Ms: percentileMs(50),
      p95Ms: percentileMs(95),
      p99Ms: percentileMs(99),
      maxMs: this.#histogram.maxValue / 1000
    }
  }
}
