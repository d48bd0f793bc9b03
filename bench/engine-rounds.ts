/**
 * Drives the processes of the engine benchmark: one at a time, round by round.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { PauseSamples, Reply, Request } from './engine-process.js'
import type { AnySideName, SideName } from './engine-sides.js'
import type { Sizes } from './sizes.js'

/** Incarnation ids as they are: random 32-bit numbers. */
const WRITER = 0x9e3779b9
const RECEIVER = 0x85ebca6b

/**
 * A flush waits for the collector at work on young objects, which has less to do at a time when it
 * comes sooner. All sides run as docs/adr/0010 recommends for nodes.
 */
export const NODE_FLAGS = ['--max-semi-space-size=8'] as const

/** A replica in a process of its own (engine-process.ts). */
class ReplicaProcess {
  readonly #child: ChildProcess

  constructor () {
    // The loader that runs this file runs the child as well. Of two values of a flag the later one
    // counts: the one that was given by hand.
    const execArgv = [...NODE_FLAGS, ...process.execArgv, '--expose-gc']
    this.#child = fork(fileURLToPath(new URL('./engine-process.ts', import.meta.url)), [], {
      execArgv,
      serialization: 'advanced'
    })
  }

  ask (request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const died = (status: number | null): void => {
        reject(
          new Error(
            `a replica's process ended with status ${status} while it was asked to ${request.type}`
          )
        )
      }
      this.#child.once('exit', died)
      this.#child.once('message', (reply: Reply) => {
        this.#child.off('exit', died)
        resolve(reply)
      })
      this.#child.send(request)
    })
  }

  stop (): void {
    this.#child.kill()
  }
}

export interface Rate {
  readonly perCpuSecond: number
  readonly perWallSecond: number
}

function rateOf ({ spent, records }: Reply): Rate {
  if (spent === undefined || records === undefined) throw new Error('a round was not timed')
  return { perCpuSecond: records / spent.cpuSeconds, perWallSecond: records / spent.wallSeconds }
}

export interface Round {
  readonly written: Rate
  readonly merged: Rate
}

/** A writer and a receiver of one side, holding the same `live` records. */
export class Pair {
  readonly #writer = new ReplicaProcess()
  readonly #receiver = new ReplicaProcess()

  constructor (
    readonly side: SideName,
    readonly live: number,
    readonly batchSize: number,
    readonly batchesPerRound: number
  ) {}

  async fill (): Promise<void> {
    await this.#writer.ask({ type: 'create', side: this.side, incarnation: WRITER })
    await this.#receiver.ask({ type: 'create', side: this.side, incarnation: RECEIVER })
    const { updates = [] } = await this.#writer.ask({
      type: 'fill',
      records: this.live,
      batchSize: this.batchSize,
      values: 'shared'
    })
    await this.#receiver.ask({ type: 'merge', updates, batchSize: this.batchSize })
  }

  /** Overwrites at random and merges the outcome. */
  async round (): Promise<Round> {
    const wrote = await this.#writer.ask({
      type: 'overwrite',
      records: this.live,
      batchSize: this.batchSize,
      batches: this.batchesPerRound
    })
    const merged = await this.#receiver.ask({
      type: 'merge',
      updates: wrote.updates ?? [],
      batchSize: this.batchSize
    })
    return { written: rateOf(wrote), merged: rateOf(merged) }
  }

  stop (): void {
    this.#writer.stop()
    this.#receiver.stop()
  }
}

/** One replica that does one thing, again and again. */
export class Solo {
  readonly #process = new ReplicaProcess()

  /**
   * @param values whether its records have values of their own, as where events come in, or share
   * those of the pool
   */
  constructor (
    readonly side: AnySideName,
    readonly live: number,
    readonly batchSize: number,
    readonly values: 'shared' | 'own' = 'shared'
  ) {}

  async fill (): Promise<void> {
    await this.#process.ask({ type: 'create', side: this.side, incarnation: WRITER })
    await this.#process.ask({
      type: 'fill',
      records: this.live,
      batchSize: this.batchSize,
      values: this.values
    })
  }

  async put (times: number, flushes: number): Promise<Rate> {
    return rateOf(await this.#process.ask({ type: 'put', records: this.live, times, flushes }))
  }

  async read (reads: number): Promise<Rate> {
    return rateOf(await this.#process.ask({ type: 'read', records: this.live, reads }))
  }

  async pauses (batches: number): Promise<PauseSamples> {
    const { pauses } = await this.#process.ask({
      type: 'pauses',
      records: this.live,
      batchSize: this.batchSize,
      batches
    })
    if (pauses === undefined) throw new Error('no batch was timed')
    return pauses
  }

  /** The sizes after `overwrites` overwrites of each of its records, on average. */
  async sizes (overwrites: number): Promise<Sizes> {
    const { sizes } = await this.#process.ask({
      type: 'sizes',
      side: this.side,
      incarnation: WRITER,
      records: this.live,
      batchSize: this.batchSize,
      overwrites
    })
    if (sizes === undefined) throw new Error('sizes were not measured')
    return sizes
  }

  stop (): void {
    this.#process.stop()
  }
}

interface Player {
  fill(): Promise<void>
  stop(): void
}

/**
 * Fills all, then lets them take turns, so that a slow spell of the machine hits each of them.
 * @returns the counted rounds of each
 */
export async function takeTurns<P extends Player, R> (
  players: readonly P[],
  { warmUpRounds, rounds }: { readonly warmUpRounds: number, readonly rounds: number },
  play: (player: P) => Promise<R>
): Promise<Map<P, R[]>> {
  const results = new Map(players.map(player => [player, [] as R[]]))
  try {
    for (const player of players) await player.fill()
    for (let round = 0; round < warmUpRounds + rounds; round++) {
      for (const player of players) {
        const result = await play(player)
        if (round >= warmUpRounds) results.get(player)?.push(result)
      }
    }
    return results
  } finally {
    for (const player of players) player.stop()
  }
}
