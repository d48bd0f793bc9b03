/** The reply to a request: its answer, or an error with its code and whether anything changed. */
import * as v from '../../engine/base/schema.js'
import { messageOf } from '../../engine/base/thrown.js'
import { MillpondError } from '../../engine/errors.js'

/** An error as it travels. */
export const Refusal = v.object({
  code: v.string(),
  message: v.string(),
  changed: v.picklist(['no', 'yes', 'maybe']),
  retryable: v.boolean()
})
export type Refusal = v.InferOutput<typeof Refusal>

/** Without an error it is an answer, which may be nothing at all. */
export const RequestReply = v.object({
  ok: v.optional(v.unknown()),
  error: v.optional(Refusal)
})
export type RequestReply = v.InferOutput<typeof RequestReply>

export function replyOf (answer: unknown): RequestReply {
  return answer === undefined ? {} : { ok: answer }
}

/** An error that is none of ours may have come after a change. */
export function refusalOf (error: unknown): Refusal {
  if (error instanceof MillpondError) {
    const { code, message, changed, retryable } = error
    return { code, message, changed, retryable }
  }
  return { code: 'INTERNAL', message: messageOf(error), changed: 'maybe', retryable: false }
}
