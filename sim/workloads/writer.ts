/**
 * The way every workload writes: the model hears of a write before the cluster does, and of the
 * outcome when the writer does.
 */
import { MillpondError } from '../../engine/errors.js'
import { demandOf, type WriteConcern } from '../../replication/deltas/write-concern.js'
import type { Op } from '../model.js'
import type { SimRandom } from '../random.js'
import type { Host, Surroundings } from '../world/surroundings.js'

export interface WriteRequest {
  readonly key: string
  readonly fields: readonly string[] | null
  readonly order: number
  /** Event time in milliseconds; default: the writer's clock. */
  readonly atMs?: number
  /** Bytes added to the value, at most as many as an entry may hold. */
  readonly padding?: number
  /** Whether the value has more bytes than an entry may hold. */
  readonly oversize?: boolean
  /** Default: one of those of the workload. */
  readonly concern?: WriteConcern
}

export interface WriterOptions {
  readonly cache: string
  readonly replicas: number
  readonly concerns: readonly WriteConcern[]
  readonly timeoutMs: number
}

export class Writer {
  constructor (
    readonly world: Surroundings,
    readonly host: Host,
    readonly random: SimRandom,
    readonly options: WriterOptions
  ) {}

  /** Whether the process goes on and work is still wanted. */
  get going (): boolean {
    return !this.world.winding && this.host.cacheOf !== undefined
  }

  get place (): string {
    return `${this.host.cluster}/${this.options.cache}`
  }

  async sleep (forMs: number): Promise<void> {
    await this.host.process?.sleep(forMs)
  }

  /** Resolves when the write was acknowledged or failed. */
  async write (
    { key, fields, order, atMs, padding, oversize = false, concern: given }: WriteRequest
  ): Promise<Op | undefined> {
    const { world, host, random, options } = this
    const cache = host.cacheOf?.(options.cache)
    if (cache === undefined) return undefined
    const concern = given ?? random.pick(options.concerns)
    const { maxEntryBytes } = world.limits
    const op = world.model.submit({
      place: this.place,
      key,
      fields,
      order,
      concern,
      needed: demandOf(concern, options.replicas).replicas,
      submittedMs: world.scheduler.nowMs
    }, oversize ? maxEntryBytes : Math.min(padding ?? 0, maxEntryBytes / 4))
    const writeOptions = {
      ack: concern,
      timeoutMs: options.timeoutMs,
      ...atMs === undefined ? {} : { at: atMs }
    }
    try {
      await (fields === null
        ? cache.delete(key, writeOptions)
        : cache.put(key, Object.fromEntries(fields.map(field => [field, op.value])), writeOptions))
      op.outcome = 'acked'
      op.ackedMs = world.scheduler.nowMs
      world.acknowledged(op.id)
    } catch (error) {
      if (!(error instanceof MillpondError)) {
        world.fail(
          'errors are typed',
          `writing ${key} on ${host.name}: ${
            error instanceof Error ? error.stack ?? error.message : String(error)
          }`
        )
      } else {
        op.outcome = error.changed === 'no' ? 'unchanged' : 'unknown'
        op.error = `${error.code} ${error.message}`
        world.coverage.hit(`write ${error.code}`)
      }
    }
    return op
  }
}
