/**
 * How long the event loop of this process keeps timers and messages waiting: the gaps between
 * looks that are one turn apart, with the share of the collector known.
 */
import { PerformanceObserver } from 'node:perf_hooks'

/** A stretch of time, in milliseconds since 1970. */
export interface Gap {
  readonly fromMs: number
  readonly toMs: number
}

/** A gap between two looks, and the time that all threads of the process worked in it. */
interface Turn extends Gap {
  readonly cpuMs: number
}

export interface LongestTurn {
  readonly wholeMs: number
  /**
   * The longest when the time of the collector is left out of each, and the time in which other
   * processes had the processor.
   */
  readonly ownMs: number
}

/** Shorter gaps are of no interest, and there are millions of them. */
const LEAST_GAP_MS = 2

export class TurnMeter {
  readonly #gaps: Turn[] = []
  readonly #collections: Gap[] = []
  readonly #observer = new PerformanceObserver(list => {
    for (const { startTime, duration } of list.getEntries()) {
      const fromMs = performance.timeOrigin + startTime
      this.#collections.push({ fromMs, toMs: fromMs + duration })
    }
  })
  #lastMs = now()
  #lastCpuMs = cpuSoFarMs()

  /**
   * @param everyMs how often to look; 0 is at every turn, and takes a whole processor
   */
  constructor (everyMs: number) {
    this.#observer.observe({ entryTypes: ['gc'] })
    const look = (): void => {
      const atMs = now()
      const fromMs = this.#lastMs + everyMs
      const cpuMs = cpuSoFarMs()
      if (atMs - fromMs >= LEAST_GAP_MS) {
        this.#gaps.push({ fromMs, toMs: atMs, cpuMs: cpuMs - this.#lastCpuMs })
      }
      this.#lastMs = atMs
      this.#lastCpuMs = cpuMs
      if (everyMs === 0) setImmediate(look)
      else setTimeout(look, everyMs)
    }
    look()
  }

  /** Call it a turn after the end of the stretch, when the collector's times are known too. */
  longest (stretch: Gap): LongestTurn {
    const gaps = this.#gaps.filter(gap => overlapMs(gap, stretch) > 0)
    const lengthMs = ({ fromMs, toMs }: Gap): number => toMs - fromMs
    return {
      wholeMs: Math.max(0, ...gaps.map(lengthMs)),
      ownMs: Math.max(
        0,
        ...gaps.map(gap =>
          this.#collections.reduce(
            (ms, collection) => ms - overlapMs(gap, collection),
            Math.min(lengthMs(gap), gap.cpuMs)
          )
        )
      )
    }
  }
}

export function now (): number {
  return performance.timeOrigin + performance.now()
}

function cpuSoFarMs (): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function overlapMs (a: Gap, b: Gap): number {
  return Math.max(0, Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs))
}
