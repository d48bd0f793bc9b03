/**
 * Consuming as a loop over batches. The consumer behind the loop is listed as long as it runs, and
 * says when and why it ends.
 */
import type { ConsumerContext } from '../context.js'
import type { EndReason } from '../events.js'
import { Consumer } from './consumer.js'
import { checkOptions, type CheckedOptions, type ConsumedBatch,
  type ConsumeOptions } from './options.js'

/**
 * The consumer begins with the first step of the loop.
 * @param closing aborted when the node or client closes: the iteration ends
 * @throws TypeError, ConfigError at once, on options that cannot work
 */
export function consume (
  context: ConsumerContext,
  options: ConsumeOptions,
  closing: AbortSignal
): AsyncGenerator<ConsumedBatch, void, undefined> {
  return batchesOf(context, checkOptions(options, context.limits), closing)
}

async function* batchesOf (
  context: ConsumerContext,
  options: CheckedOptions,
  closing: AbortSignal
): AsyncGenerator<ConsumedBatch, void, undefined> {
  const consumer = new Consumer(context, options, closing)
  context.consumers.add(consumer)
  let why: EndReason = 'stopped'
  let problem: unknown
  try {
    await consumer.start()
    for (;;) {
      const next = await consumer.next()
      if (typeof next === 'string') {
        why = next
        return
      }
      yield next
    }
  } catch (error) {
    why = 'error'
    problem = error
    throw error
  } finally {
    context.consumers.remove(consumer)
    consumer.close(why, problem)
  }
}
