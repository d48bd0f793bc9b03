/**
 * A progress line that is redrawn in place while a command runs, and is gone when the command ends;
 * the command prints its result by itself. On anything but a terminal it prints nothing, so logs
 * and pipes stay clean. cli-progress is imported here and nowhere else.
 */
import cliProgress from 'cli-progress'

const REDRAWS_PER_SECOND = 10
const BAR_CHARS = 30

export interface ProgressOptions {
  readonly label: string
  /** How many there will be; without it there is a count, but no bar and no estimate. */
  readonly total?: number
  /** Where to draw, mostly process.stderr: standard output is for results. */
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

export interface Progress {
  /**
   * @param count how many are done by now; @param extra a few words to show behind it, until there
   * are others
   */
  update(count: number, extra?: string): void
  /**
   * Takes the line away and stops the redrawing, which keeps the process alive. Harmless when
   * called again.
   */
  stop(): void
}

const SILENT: Progress = { update () {}, stop () {} }

export function startProgress ({ label, total, stream }: ProgressOptions): Progress {
  if (stream.isTTY !== true) return SILENT
  const bar = new cliProgress.SingleBar({
    stream,
    format: total === undefined
      ? '{label} {value} in {duration_formatted} {extra}'
      : '{label} [{bar}] {value}/{total} ETA {eta_formatted} {extra}',
    formatValue: (value, _options, type) =>
      type === 'value' || type === 'total' ? value.toLocaleString('en-US') : String(value),
    barsize: BAR_CHARS,
    fps: REDRAWS_PER_SECOND,
    clearOnComplete: true,
    // Cut the line at the terminal's width instead of switching its wrapping off: a process that is
    // killed would leave it off.
    linewrap: true,
    etaAsynchronousUpdate: true,
    // The command ends by its own rules on SIGINT, and calls stop on its way out.
    gracefulExit: false
  })
  bar.start(total ?? 0, 0, { label, extra: '' })
  return {
    update (count, extra) {
      bar.update(count, extra === undefined ? {} : { extra })
    },
    stop () {
      bar.stop()
    }
  }
}
