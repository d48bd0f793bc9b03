/**
 * Measuring: CPU seconds rather than wall-clock ones, so that a busy machine spoils less, and
 * medians over rounds.
 *
 * Figures of two runs are not comparable. Figures that are compared come from one run, in which the
 * sides take turns round by round, so that a slow spell of the machine hits all of them.
 */

export interface Spent {
  cpuSeconds: number
  wallSeconds: number
}

/**
 * Runs `work` and adds what it took to `spent`. All threads of the process count, those of the
 * garbage collector too.
 */
export function timed<T> (spent: Spent, work: () => T): T {
  const wallMs = performance.now()
  const cpu = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(cpu)
  spent.wallSeconds += (performance.now() - wallMs) / 1000
  spent.cpuSeconds += (user + system) / 1_000_000
  return result
}

/**
 * How long `work` keeps everything else waiting, in milliseconds: the lesser of wall-clock time,
 * which counts other processes in, and CPU time, which counts the helpers of the garbage collector
 * in. Neither is ever too short.
 */
export function pause (work: () => void): number {
  const spent = { cpuSeconds: 0, wallSeconds: 0 }
  timed(spent, work)
  return Math.min(spent.cpuSeconds, spent.wallSeconds) * 1000
}

/** The value below which a share of the sorted values lies; NaN when there are none. */
export function quantile (values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

export function median (values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? sorted[middle] as number
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** The median over rounds of a / b: both sides of a round ran next to each other in time. */
export function medianRatio (a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, round) => value / (b[round] as number)))
}

export interface Target {
  readonly name: string
  readonly value: number
  /** The bound that the value must keep to, from below or from above; one of the two is set. */
  readonly atLeast?: number
  readonly atMost?: number
  readonly pass: boolean
}

export function atLeast (name: string, value: number, bound: number): Target {
  return { name, value, atLeast: bound, pass: value >= bound }
}

export function atMost (name: string, value: number, bound: number): Target {
  return { name, value, atMost: bound, pass: value <= bound }
}

/** Three significant digits, with thousands as k and millions as M. */
export function short (value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (value >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`
  if (value >= 1_000) return `${Number((value / 1_000).toPrecision(3))}k`
  return String(Number(value.toPrecision(3)))
}

/** Rows of text, columns aligned: the first to the left, the others to the right. */
export function table (rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  }
  return rows.map(row =>
    row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)
    ).join('  ').trimEnd()
  ).join('\n')
}
