/**
 * The messages under way in an in-process network: one Delivery per receiving connection, sharing
 * one Payload per message.
 *
 * However many connections a message goes to, its bytes are kept once while they wait, and counted
 * once against the sender. Every subscription still gets bytes of its own.
 */
import type { InProcessConnection, InProcessSubscription } from './connection.js'

/** Counted for each queued message besides its bytes, so that empty ones are bounded as well. */
const MESSAGE_OVERHEAD_BYTES = 256

export interface Delivery {
  readonly from: string
  readonly to: InProcessConnection
  /** The receiver's losses when this was sent: one more, and it does not arrive. */
  readonly losses: number
  readonly subscriptions: readonly InProcessSubscription[]
  readonly subject: string
  readonly replyTo: string | undefined
  readonly noResponders: boolean
  readonly payload: Payload
}

export class Payload {
  #users = 0
  readonly #sender: InProcessConnection
  readonly #bytes: Uint8Array

  /** Takes the bytes over: the caller must not keep them. */
  constructor (sender: InProcessConnection, bytes: Uint8Array) {
    this.#sender = sender
    this.#bytes = bytes
  }

  retain (users: number): void {
    if (this.#users === 0) this.#sender.queuedBytes += this.#bytes.length + MESSAGE_OVERHEAD_BYTES
    this.#users += users
  }

  release (users: number): void {
    this.#users -= users
    if (this.#users === 0) this.#sender.queuedBytes -= this.#bytes.length + MESSAGE_OVERHEAD_BYTES
  }

  /**
   * Bytes for one user, which counts as released. The last user gets the original, the others get
   * copies.
   */
  take (): Uint8Array {
    const bytes = this.#users === 1 ? this.#bytes : new Uint8Array(this.#bytes)
    this.release(1)
    return bytes
  }
}

/**
 * Groups subscriptions by their connection. Subscriptions of lost connections are left out.
 */
export function byOwner (
  subscriptions: readonly InProcessSubscription[]
): Map<InProcessConnection, InProcessSubscription[]> {
  const groups = new Map<InProcessConnection, InProcessSubscription[]>()
  for (const subscription of subscriptions) {
    const group = groups.get(subscription.owner)
    if (group !== undefined) group.push(subscription)
    else if (subscription.owner.connected) groups.set(subscription.owner, [subscription])
  }
  return groups
}
