/**
 * Writers, readers and a consumer at work while faults come and go, and the verdict when all is
 * over. Counters were deleted once before, so that ended epochs exist.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cache, Fields, WriteConcern } from '../../index.js'
import { waitFor } from '../../testing/wait-for.js'
import type { RealCluster } from './real-cluster.js'
import { isDelete, Truth } from './truth.js'

const WRITERS = 12
const COUNTERS = 40
const KEPT = 200
const PAUSE_MS = 4
const MAX_TRACES = 100
const SEEN_MS = 60_000
/** Holders that hear each other have everything by then (two heartbeats). */
const LAG_MS = 1000

export interface LoadOptions {
  readonly ack: WriteConcern
  /** Draws from [0, 1). */
  readonly random: () => number
}

export class Load {
  readonly truth = new Truth()
  readonly #cluster: RealCluster
  readonly #options: LoadOptions
  readonly #loops: Array<Promise<void>> = []
  readonly #traces = new Set<Promise<void>>()
  readonly #seen = new Map<string, number>()
  readonly #end = new AbortController()
  #isOver = false

  constructor (cluster: RealCluster, options: LoadOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  get #cache (): Cache {
    return this.#cluster.cache
  }

  /** Notes what is done to the cluster, for the report. */
  note (what: string): void {
    this.truth.faults.push({ what, atMs: this.truth.nowMs })
  }

  /** Makes the records that are there from the beginning, and begins. */
  async begin (): Promise<void> {
    const cache = this.#cache
    const { options: { replicas = 2 }, nodes } = this.#cluster
    const ack = Math.min(replicas, nodes.size)
    await Promise.all(Array.from({ length: COUNTERS }, async (_, i) => {
      await cache.increment(`c${i}`, 'n', 7, { ack })
      await cache.delete(`c${i}`, { ack })
    }))
    await Promise.all(Array.from({ length: KEPT }, async (_, i) => {
      await cache.put(`kept${i}`, { i }, { ack })
      this.truth.kept.push(`kept${i}`)
    }))
    for (let writer = 0; writer < WRITERS; writer++) this.#loops.push(this.#write(writer))
    this.#loops.push(this.#read(), this.#consume())
  }

  async #write (writer: number): Promise<void> {
    const { random } = this.#options
    for (let i = 0; !this.#isOver; i++) {
      const kind = Math.floor(random() * 3)
      if (kind === 0) await this.#increment()
      if (kind === 1) await this.#put(`r${writer}.${Math.floor(random() * 8)}`)
      if (kind === 2) this.#trace(`s${writer % 4}`, `e${writer}.${i}`)
      await sleep(random() * PAUSE_MS)
    }
  }

  async #increment (): Promise<void> {
    const { random, ack } = this.#options
    const key = `c${Math.floor(random() * COUNTERS)}`
    const by = 1 + Math.floor(random() * 3)
    const outcome = await this.truth.outcomeOf(this.#cache.increment(key, 'n', by, { ack }))
    this.truth.added(key, by, outcome)
  }

  async #put (key: string): Promise<void> {
    const { ack } = this.#options
    const state = (this.truth.series.get(key)?.last ?? -1) + 1
    this.truth.reached(key, state, 'maybe') // what readers see while it is under way
    const call = isDelete(state)
      ? this.#cache.delete(key, { ack })
      : this.#cache.put(key, { state }, { ack })
    const outcome = await this.truth.outcomeOf(call)
    if (outcome === 'done') this.truth.reached(key, state, outcome)
  }

  /** Elements come and go beside each other: one stays for seconds. */
  #trace (key: string, element: string): void {
    if (this.#traces.size >= MAX_TRACES) return
    const trace = this.#addAndRemove(key, element).finally(() => this.#traces.delete(trace))
    this.#traces.add(trace)
  }

  async #addAndRemove (key: string, element: string): Promise<void> {
    const { random, ack } = this.#options
    const { truth } = this
    const cache = this.#cache
    // A removal takes back what its holder has seen (SPEC E16): every holder has to have seen it,
    // also one that is about to fetch or to hand over, which no write waits for.
    const options = { ack: 'all' } as const
    let calledMs = truth.nowMs
    const added = await truth.outcomeOf(cache.addToSet(key, 'tags', [element], options))
    truth.element(key, element, 'added', added, calledMs)
    if (random() < 0.3) return
    const ackedMs = truth.nowMs
    await sleep(random() * 3000)
    if (this.#isOver) return
    calledMs = truth.nowMs
    const removed = await truth.outcomeOf(cache.removeFromSet(key, 'tags', [element], { ack }))
    const isSeen = truth.inContactMs(ackedMs, calledMs) >= LAG_MS
    const outcome = removed === 'done' && !isSeen ? 'maybe' : removed
    truth.element(key, element, 'removed', outcome, calledMs)
  }

  /** What every holder had is never "not found". */
  async #read (): Promise<void> {
    const { truth } = this
    while (!this.#isOver) {
      const keys = Array.from(
        { length: 20 },
        () => `kept${Math.floor(this.#options.random() * KEPT)}`
      )
      await truth.outcomeOf(
        this.#cache.getMany(keys).then(records => {
          const missed = keys.filter((_, i) => records[i] === undefined)
          if (missed.length > 0) truth.wrong.push(`not found: ${missed.join()}`)
        })
      )
      await sleep(20)
    }
  }

  /** One consumer never sees a record go back; where it fails, another one goes on. */
  async #consume (): Promise<void> {
    while (!this.#end.signal.aborted) await this.truth.outcomeOf(this.#consumeOnce())
  }

  async #consumeOnce (): Promise<void> {
    const shown = new Map<string, number>()
    for await (const batch of this.#cache.consume({ group: 'g', signal: this.#end.signal })) {
      for (const { key, deleted, fields } of batch.changes) {
        if (!key.startsWith('r') || deleted) this.#seen.delete(key)
        if (!key.startsWith('r') || deleted || fields === undefined) continue
        const state = fields['state'] as number
        const before = shown.get(key) ?? -1
        if (state < before) this.truth.wrong.push(`${key} went back from ${before} to ${state}`)
        shown.set(key, state)
        this.#seen.set(key, state)
      }
      await this.truth.outcomeOf(batch.commit())
    }
  }

  /**
   * Ends the writers, waits until the cluster has settled and the consumer has seen what there is.
   * @returns every mistake, in words
   */
  async verdict (): Promise<string[]> {
    this.#isOver = true
    await Promise.all([...this.#loops.slice(0, -1), ...this.#traces])
    await this.#cluster.settled()
    const records = await this.#recordsOf()
    const problems = this.truth.judge(records)
    for (const node of this.#cluster.nodes.keys()) {
      const held = await this.#recordsOf(node)
      const other = [...held].find(([key, fields]) =>
        JSON.stringify(fields) !== JSON.stringify(records.get(key))
      )
      if (other !== undefined) problems.push(`${node} reads ${other[0]} in another way`)
    }
    const unseen = (): string[] =>
      [...this.truth.series.keys()].filter(key =>
        records.get(key)?.['state'] !== this.#seen.get(key)
      )
    await waitFor(() => unseen().length === 0, 'the consumer', SEEN_MS).catch(() => {
      problems.push(`the consumer has not seen ${unseen().slice(0, 5).join()} as they are`)
    })
    this.#end.abort()
    await this.#loops.at(-1)
    return problems
  }

  async #recordsOf (node?: string): Promise<Map<string, Fields>> {
    const records = new Map<string, Fields>()
    for await (
      const { key, fields } of this.#cache.scan(node === undefined ? {} : { node })
    ) records.set(key, fields)
    return records
  }
}
