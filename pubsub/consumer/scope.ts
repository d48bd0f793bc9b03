/** The parts and figures of one consumer that its other parts work on together. */
import type { ConsumerContext } from '../context.js'
import { ConsumerLog } from './consumer-log.js'
import { HolderChoice } from './holder-choice.js'
import { Positions } from './positions.js'

export interface ConsumerScope {
  readonly context: ConsumerContext
  readonly consumerGroup: string
  readonly positions: Positions
  readonly holders: HolderChoice
  readonly log: ConsumerLog
}

export function scopeOf (context: ConsumerContext, consumerGroup: string): ConsumerScope {
  return {
    context,
    consumerGroup,
    positions: new Positions(context.router.topology, context.limits),
    holders: new HolderChoice(context.router),
    log: new ConsumerLog(context, consumerGroup)
  }
}
