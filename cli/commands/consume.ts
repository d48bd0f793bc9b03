/**
 * `millpond consume`: changes as NDJSON, at the pace of their reader. A batch is committed once
 * standard output has taken all its lines; a batch that was not committed comes again next time.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { MillpondError } from '../../engine/errors.js'
import { commitPatienceMs, intervals } from '../../engine/timing.js'
import { USUAL_BATCH_SIZE, type ConsumedBatch } from '../../pubsub/consumer/options.js'
import type { MillpondClient } from '../../node/connect.js'
import { withClient, type CacheFlags } from '../cluster.js'
import { EXIT } from '../failure.js'
import { observe, type ObservationFlags } from '../observation.js'
import { jsonFields } from '../json-fields.js'
import { LineWriter } from '../output.js'
import { onInterrupt } from '../signals.js'

export interface ConsumeFlags extends CacheFlags, ObservationFlags {
  readonly group: string
  readonly rate?: number
  readonly untilIdle?: number
}

/** With a rate, batches are small enough to come several times a second. */
const BATCHES_PER_SECOND = 10

export async function runConsume (flags: ConsumeFlags): Promise<number> {
  const interrupt = onInterrupt()
  let isEnding = false
  const { onEvent, serve } = observe(flags, { cluster: flags.cluster }, () => isEnding)
  try {
    await withClient(flags, async client => {
      const metrics = await serve(() => ({
        members: [...client.nodes],
        consumers: client.consumers
      }), () => client.consumers)
      if (metrics !== undefined) {
        process.stderr.write(`millpond: metrics at http://127.0.0.1:${metrics.port}/metrics\n`)
      }
      try {
        await printAll(client, flags, interrupt.signal)
      } finally {
        isEnding = true
        await metrics?.close()
      }
    }, { onEvent })
  } finally {
    interrupt.end()
  }
  return EXIT.ok
}

async function printAll (
  client: MillpondClient,
  { cache, group, rate, untilIdle }: ConsumeFlags,
  signal: AbortSignal
): Promise<void> {
  const lines = new LineWriter()
  const batches = client.cache(cache).consume({
    group,
    signal,
    ...rate === undefined
      ? {}
      : {
        ratePerSecond: rate,
        batchSize: Math.max(1, Math.min(USUAL_BATCH_SIZE, Math.ceil(rate / BATCHES_PER_SECOND)))
      },
    ...untilIdle === undefined ? {} : { stopWhenIdleMs: untilIdle }
  })
  for await (const batch of batches) {
    for (const shard of batch.resets) {
      process.stderr.write(
        `millpond: shard ${shard} is read again from the start; keys of it that do not come ` +
          'again are gone\n'
      )
    }
    if (!await print(batch, lines)) return
    await commitWithin(batch, commitPatienceMs(client.timing), signal)
  }
}

/** @returns false when the reader of standard output has left */
async function print (batch: ConsumedBatch, lines: LineWriter): Promise<boolean> {
  for (const { key, deleted, fields, changed, version, shard } of batch.changes) {
    if (!await lines.write({ key, deleted, fields: jsonFields(fields), changed, version, shard })) {
      return false
    }
  }
  return await lines.flush()
}

/**
 * Commits a batch, and tries again for about `patienceMs`: while nodes come and go, a shard may
 * have no holder that answers. Once the signal is aborted, a commit that failed is left.
 * @throws what the last attempt threw
 */
export async function commitWithin (
  batch: Pick<ConsumedBatch, 'commit'>,
  patienceMs: number,
  signal: AbortSignal
): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  for (;;) {
    try {
      return await batch.commit()
    } catch (error) {
      const isLate = performance.now() >= deadlineMs
      if (!(error instanceof MillpondError) || !error.retryable || isLate) throw error
      if (signal.aborted) return // the batch comes again
      await sleep(intervals.commitRetryMs)
    }
  }
}
