/**
 * The Transport port: subjects, messages, and nothing else. Two adapters pass one contract suite:
 * in-process (with injected faults) and NATS.
 *
 * Delivery is at most once and unordered in principle: messages may be lost, doubled, delayed or
 * reordered. What is built on top must not depend on anything better. A subject is a list of tokens
 * joined by '.'; in a pattern '*' stands for exactly one token and '>' for one or more at the end.
 */

export interface IncomingMessage {
  readonly subject: string
  readonly bytes: Uint8Array
  /** The subject the sender waits for an answer on. */
  readonly replyTo?: string
  /**
   * Set, with no bytes, on a reply subject when a message with `replyTo` reached no subscriber at
   * all.
   */
  readonly noResponders?: true
}

export interface Subscription {
  close(): void
}

export interface Transport {
  /**
   * A subject prefix that belongs to this connection alone; replies arrive below it:
   * `<inbox>.<token>`.
   */
  readonly inbox: string
  /** The largest message `publish` takes, in bytes. */
  readonly maxMessageBytes: number
  readonly connected: boolean
  /**
   * Sends one message, or drops it.
   * @returns false when it was dropped at once: not connected, or too many bytes wait to leave. A
   *   dropped message is counted, not an error: the layer above repairs losses anyway.
   * @throws LimitError when it is larger than maxMessageBytes; ClosedError after close
   */
  publish(subject: string, bytes: Uint8Array, replyTo?: string): boolean
  /**
   * Calls `onMessage` for every message whose subject matches, one after the other. An exception in
   * it is reported and dropped.
   */
  subscribe(pattern: string, onMessage: (message: IncomingMessage) => void): Subscription
  /**
   * Calls back whenever the connection is lost (false) or found again (true). Messages may have
   * vanished in between.
   */
  onConnection(listener: (connected: boolean) => void): Subscription
  /**
   * Resolves when everything published before has left this process and the server has answered.
   */
  flush(): Promise<void>
  /** Flushes, then leaves. Calling it again does nothing. */
  close(): Promise<void>
  /** Messages dropped by publish since the start. */
  readonly dropped: number
}
