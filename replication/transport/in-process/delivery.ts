/**
 * What is under way in an in-process network: one Delivery per receiving connection, sharing one
 * Payload per message.
 *
 * However many connections a message goes to, it is kept once while it waits, and counted once
 * against its sender; every subscription still gets bytes that nobody else can see or change.
 */
import type { InProcessConnection, InProcessSubscription } from './connection.js'

/** What a queued message costs besides its bytes, so that empty ones are bounded as well. */
const MESSAGE_OVERHEAD_BYTES = 256

export interface Delivery {
  readonly from: string
  readonly to: InProcessConnection
  /** The receiver's epoch when it was sent; it does not survive the connection it was sent to. */
  readonly epoch: number
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

  /** Takes the bytes over: nobody else may keep them. */
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
   * Bytes for one user, who is released by it. The last one gets the original, the others get
   * copies.
   */
  take (): Uint8Array {
    const bytes = this.#users === 1 ? this.#bytes : new Uint8Array(this.#bytes)
    this.release(1)
    return bytes
  }
}

/**
 * Groups subscriptions by the connection they belong to; those of lost connections are left out.
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
