/**
 * `millpond ingest`: the rows of a file as writes, many of them under way at a time.
 *
 * Of two rows with the same event time the later one in the file wins: each write is stamped when
 * it is handed over, in the order of the file, and keeps its stamp through every attempt. So a row
 * is handed over once and never again.
 *
 *   row unusable, or refused by     reported with its line, counted, and passed over; with --strict
 *   the cache                       the command ends there
 *   write unconfirmed               it stands, but on fewer replicas than --ack asked for: counted,
 *                                   and exit status 1
 *   cluster gone for longer than    the command ends and names the line: going on would lose row
 *   a write may take                after row
 */
import { BusyError, ConfigError, MillpondError } from '../../engine/errors.js'
import { ingestTimeoutMs } from '../../engine/timing.js'
import type { Cache } from '../../node/cache/cache.js'
import type { MillpondClient } from '../../node/connect.js'
import { textOf, type WriteConcern } from '../../replication/deltas/write-concern.js'
import { withClient, type CacheFlags } from '../cluster.js'
import { readEvents, type EventFlags, type LineEvent } from '../event-source.js'
import { CommandError, EXIT } from '../failure.js'
import { askMembers } from '../members.js'
import { writeNdjson } from '../output.js'
import { startProgress } from '../progress.js'
import { onInterrupt } from '../signals.js'

export interface IngestFlags extends CacheFlags, EventFlags {
  readonly key: string
  readonly ack?: WriteConcern
  readonly strict?: boolean
}

/**
 * Rows handed over and not confirmed yet; below limits.maxWritesInFlight, so the cache has no
 * reason to refuse one.
 */
const MAX_UNCONFIRMED = 8192
/** Codes of refusals for which the row itself is to blame. */
const ROW_REFUSED = new Set(['LIMIT_EXCEEDED', 'VALUE_REFUSED', 'FIELD_KIND', 'VERSION_IN_FUTURE'])

export async function runIngest (file: string, flags: IngestFlags): Promise<number> {
  const events = readEvents(file, flags)
  const interrupt = onInterrupt()
  // A read that waits for the next line would not notice the interrupt otherwise.
  if (file === '-') interrupt.signal.addEventListener('abort', () => process.stdin.destroy())
  try {
    return await withClient(flags, async client => {
      const ack = flags.ack ?? await mostReplicas(client, flags.cache)
      const ingest = new Ingest(client, flags.cache, ack, flags.strict === true)
      return await ingest.run(events, interrupt.signal)
    })
  } finally {
    interrupt.end()
  }
}

/**
 * A majority of the replicas that can exist with the nodes there are. One copy is all a lone node
 * can promise; from two nodes on, a row that counts as written survives the sudden end of the node
 * that took it.
 */
async function mostReplicas (client: MillpondClient, cache: string): Promise<number> {
  const { nodes } = await askMembers(client)
  const running = nodes.map(({ caches }) => caches[cache]).filter(found => found !== undefined)
  const copies = Math.min(running.length, running[0]?.replicas ?? 1)
  return Math.max(1, Math.floor(copies / 2) + 1)
}

class Ingest {
  readonly #client: MillpondClient
  readonly #cache: Cache
  readonly #ack: WriteConcern
  readonly #isStrict: boolean
  readonly #progress = startProgress({ label: 'rows', stream: process.stderr })
  #read = 0
  #written = 0
  #rejected = 0
  #unconfirmed = 0
  #underWay = 0
  #failure: CommandError | undefined
  #wake: (() => void) | undefined

  constructor (client: MillpondClient, cache: string, ack: WriteConcern, isStrict: boolean) {
    this.#client = client
    this.#cache = client.cache(cache)
    this.#ack = ack
    this.#isStrict = isStrict
  }

  async run (events: AsyncIterable<LineEvent>, signal: AbortSignal): Promise<number> {
    const startMs = performance.now()
    let broken: Error | undefined
    try {
      for await (const { line, event } of events) {
        this.#read++
        if ('problem' in event) this.#reject(line, event.problem)
        else await this.#put(line, event)
        if (this.#read % 1000 === 0) this.#progress.update(this.#read)
        if (this.#failure !== undefined || signal.aborted) break
      }
    } catch (error) {
      // the rows before it are on their way, and count
      if (!signal.aborted) broken = error instanceof Error ? error : new Error(String(error))
    }
    await this.#fewerThan(1)
    this.#progress.stop()
    if (broken !== undefined && this.#written + this.#rejected === 0) throw broken
    await writeNdjson([{
      read: this.#read,
      written: this.#written,
      rejected: this.#rejected,
      seconds: Math.round(performance.now() - startMs) / 1000
    }])
    if (broken !== undefined) throw broken
    if (this.#failure !== undefined) throw this.#failure
    if (signal.aborted) throw new CommandError(EXIT.no, `interrupted after ${this.#read} rows`)
    if (this.#unconfirmed > 0) {
      throw new CommandError(
        EXIT.no,
        `${this.#unconfirmed} rows stand, but fewer replicas than --ack ${
          textOf(this.#ack)
        } asks for ` +
          'confirmed them in time'
      )
    }
    return EXIT.ok
  }

  async #put (
    line: number,
    { key, fields, at }: Exclude<LineEvent['event'], { problem: string }>
  ): Promise<void> {
    await this.#fewerThan(MAX_UNCONFIRMED)
    for (;;) {
      try {
        const done = this.#cache.put(key, fields, {
          ack: this.#ack,
          timeoutMs: ingestTimeoutMs(this.#client.timing),
          ...at === undefined ? {} : { at }
        })
        this.#underWay++
        done.then(() => {
          this.#written++
        }, (error: unknown) => this.#failed(line, error)).finally(() => {
          this.#underWay--
          this.#wake?.()
        })
        return
      } catch (error) {
        if (error instanceof ConfigError) throw error // a write concern the cache cannot reach
        if (!(error instanceof BusyError)) return this.#failed(line, error)
        await this.#fewerThan(Math.max(1, this.#underWay))
      }
    }
  }

  /** Waits until fewer writes than this are under way. */
  async #fewerThan (count: number): Promise<void> {
    while (this.#underWay >= count) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    this.#wake = undefined
  }

  #failed (line: number, error: unknown): void {
    if (error instanceof MillpondError && error.code === 'WRITE_CONCERN') {
      this.#written++
      this.#unconfirmed++
    } else if (
      error instanceof TypeError || (error instanceof MillpondError && ROW_REFUSED.has(error.code))
    ) {
      this.#reject(line, error.message)
    } else {
      this.#failure ??= new CommandError(
        EXIT.no,
        `line ${line}: ${
          error instanceof Error ? error.message : String(error)
        }; ingest the file again from there on, it does no harm`
      )
    }
  }

  #reject (line: number, problem: string): void {
    this.#rejected++
    process.stderr.write(`millpond: line ${line}: ${problem}\n`)
    if (this.#isStrict) {
      this.#failure ??= new CommandError(EXIT.no, `stopped at line ${line}, because of --strict`)
    }
  }
}
