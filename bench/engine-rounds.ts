/**
 * Drives the processes of the engine benchmark: one at a time, round by round.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Reply, Request, Sizes } from './engine-process.js'
import type { SideName } from './engine-sides.js'

/** Incarnation ids as they are: random 32-bit numbers. */
const WRITER = 0x9e3779b9
const RECEIVER = 0x85ebca6b

/** A replica in a process of its own (engine-process.ts). */
export class ReplicaProcess {
  readonly #child: ChildProcess

  constructor () {
    // The loader that runs this file runs the child as well.
    const execArgv = [...process.execArgv, '--expose-gc']
    this.#child = fork(fileURLToPath(new URL('engine-process.ts', import.meta.url)), [], { execArgv, serialization: 'advanced' })
  }

  ask (request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const died = (status: number | null): void => { reject(new Error(`a replica's process ended with status ${status} while it was asked to ${request.type}`)) }
      this.#child.once('exit', died)
      this.#child.once('message', (reply: Reply) => {
        this.#child.off('exit', died)
        resolve(reply)
      })
      this.#child.send(request)
    })
  }

  stop (): void { this.#child.kill() }
}

export interface Rate {
  readonly perCpuSecond: number
  readonly perWallSecond: number
}

export interface Round {
  readonly written: Rate
  readonly merged: Rate
}

function rateOf ({ spent, records }: Reply): Rate {
  if (spent === undefined || records === undefined) throw new Error('a round was not timed')
  return { perCpuSecond: records / spent.cpuSeconds, perWallSecond: records / spent.wallSeconds }
}

/** A writer and a receiver of one side, holding the same `live` records. */
export class Pair {
  readonly rounds: Round[] = []
  readonly #writer = new ReplicaProcess()
  readonly #receiver = new ReplicaProcess()

  constructor (readonly side: SideName, readonly live: number, readonly batchSize: number, readonly batchesPerRound: number) {}

  async fill (): Promise<void> {
    await this.#writer.ask({ type: 'create', side: this.side, incarnation: WRITER })
    await this.#receiver.ask({ type: 'create', side: this.side, incarnation: RECEIVER })
    const { updates = [] } = await this.#writer.ask({ type: 'fill', records: this.live, batchSize: this.batchSize })
    await this.#receiver.ask({ type: 'merge', updates, batchSize: this.batchSize })
  }

  /** Overwrites at random and merges the outcome. */
  async round (): Promise<Round> {
    const wrote = await this.#writer.ask({ type: 'overwrite', records: this.live, batchSize: this.batchSize, batches: this.batchesPerRound })
    const merged = await this.#receiver.ask({ type: 'merge', updates: wrote.updates ?? [], batchSize: this.batchSize })
    return { written: rateOf(wrote), merged: rateOf(merged) }
  }

  async flushTimes (): Promise<Required<Reply>['flushTimes']> {
    const { flushTimes } = await this.#writer.ask({ type: 'flush-times' })
    if (flushTimes === undefined) throw new Error('no flush was timed')
    return flushTimes
  }

  stop (): void {
    this.#writer.stop()
    this.#receiver.stop()
  }
}

/** What one replica holds after `overwrites` overwrites of each of its records, on average. */
export async function sizesAfter (side: SideName, records: number, overwrites: number, batchSize: number): Promise<Sizes> {
  const replica = new ReplicaProcess()
  try {
    await replica.ask({ type: 'create', side, incarnation: WRITER })
    const { sizes } = await replica.ask({ type: 'sizes', records, batchSize, overwrites })
    if (sizes === undefined) throw new Error('sizes were not measured')
    return sizes
  } finally {
    replica.stop()
  }
}
