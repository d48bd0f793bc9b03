/**
 * The way workloads on typed fields write: their model hears of an operation before the cluster
 * does, and of the outcome when the writer does.
 */
import { MillpondError } from '../../../engine/errors.js'
import type { Fields } from '../../../engine/base/values.js'
import type { Cache } from '../../../node/cache/cache.js'
import { demandOf, type WriteConcern } from '../../../replication/deltas/write-concern.js'
import { replicasOf } from '../../checkers/replicas.js'
import { keyOf, type Bodies, type FieldKey, type FieldOp } from '../../fields/field-op.js'
import type { Writer } from '../writer.js'

/** The part of a workload's plan that these loops need. */
export interface LoopPlan {
  readonly id: number
  readonly pauseMs: number
  readonly keys: number
}
export interface CallOptions {
  readonly ack: WriteConcern
  readonly timeoutMs: number
}

export function fieldKey (writer: Writer, kind: FieldKey, name: string): string {
  return keyOf(writer.host.cluster, writer.options.cache, kind, name)
}

/** Resolves when the operation was acknowledged or failed. */
export async function operate<K extends FieldKey> (
  writer: Writer,
  key: string,
  body: Bodies[K],
  call: (cache: Cache, options: CallOptions) => Promise<unknown>,
  concerns: readonly WriteConcern[] = writer.options.concerns
): Promise<FieldOp<K> | undefined> {
  const { world, host, random, options: { cache: name, replicas, timeoutMs } } = writer
  const cache = host.cacheOf?.(name)
  if (cache === undefined) return undefined
  const concern = random.pick(concerns)
  const op = world.model.fields.submit<K>({
    place: writer.place,
    key,
    body,
    concern,
    needed: demandOf(concern, replicas).replicas,
    submittedMs: world.scheduler.nowMs
  })
  try {
    await call(cache, { ack: concern, timeoutMs })
    op.outcome = 'acked'
    op.ackedMs = world.scheduler.nowMs
  } catch (error) {
    if (!isTyped(writer, error, `operating on ${key}`)) return op
    op.error = `${error.code} ${error.message}`
    world.coverage.hit(`operation ${error.code}`)
    // The operation stands, on fewer replicas than were asked for.
    if (error.changed === 'yes') {
      op.outcome = 'acked'
      op.needed = 1
      op.concern = 'buffered'
      op.ackedMs = world.scheduler.nowMs
    } else op.outcome = error.changed === 'no' ? 'unchanged' : 'unknown'
  }
  op.endedMs = world.scheduler.nowMs
  return op
}

/** Whether an error is one a caller may meet; any other ends the run. */
export function isTyped (writer: Writer, error: unknown, doing: string): error is MillpondError {
  if (error instanceof MillpondError) return true
  writer.world.fail(
    'errors are typed',
    `${doing} on ${writer.host.name}: ${
      error instanceof Error ? error.stack ?? error.message : String(error)
    }`
  )
  return false
}

/**
 * The record on the writer's own node, if that node holds a replica that would take an operation
 * now.
 */
export function ownReplica (
  writer: Writer,
  key: string
): { readonly fields: Fields | undefined } | undefined {
  const [own] = replicasOf([writer.host], writer.options.cache, key)
  return own?.answers === true ? own : undefined
}
