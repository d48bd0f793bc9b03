/** The parts and figures of one consumer that its other parts work on together. */
import type { ConsumerContext } from '../context.js'
import { ConsumerLog } from './consumer-log.js'
import { HolderChoice } from './holder-choice.js'
import { Positions } from './positions.js'
import { UnheldGroups } from './unheld-groups.js'

export interface ConsumerScope {
  readonly context: ConsumerContext
  readonly consumerGroup: string
  readonly positions: Positions
  readonly holders: HolderChoice
  readonly unheld: UnheldGroups
  readonly log: ConsumerLog
  /** Aborted when the consumer ends: it waits for no answer any more. */
  readonly ending: AbortSignal
}

export function scopeOf (
  context: ConsumerContext,
  consumerGroup: string,
  ending: AbortSignal
): ConsumerScope {
  const log = new ConsumerLog(context, consumerGroup)
  return {
    context,
    consumerGroup,
    positions: new Positions(context.router.topology, context.limits),
    holders: new HolderChoice(context.router),
    unheld: new UnheldGroups(context.router, log),
    log,
    ending
  }
}
