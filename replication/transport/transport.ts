/**
 * The Transport port: subjects, messages, and nothing else. Two adapters pass one contract suite
 * (testing/transport-contract.ts): in-process, with injected faults, and NATS.
 *
 * Delivery is at most once and unordered in principle: messages may be lost, doubled, delayed or
 * reordered, and the layers above must not depend on anything better. A subject is a list of tokens
 * joined by '.'; in a pattern '*' stands for exactly one token and '>' for one or more at the end.
 * Tokens are printable ASCII (subjects-match.ts checks them).
 */

export interface IncomingMessage {
  readonly subject: string
  /** The receiver's own copy: no other subscription and no sender sees a change of it. */
  readonly bytes: Uint8Array
  /**
   * The subject on which the sender waits for an answer. Without one the property is absent, not
   * undefined (exactOptionalPropertyTypes).
   */
  readonly replyTo?: string
  /**
   * Set, with no bytes and no `replyTo`, on a message that the network itself sends to the reply
   * subject when a message with `replyTo` reached no subscriber at all. Only the connection that
   * published hears it. Absent on every other message.
   */
  readonly noResponders?: true
}

export interface Subscription {
  /** Nothing more is delivered once this returns. Calling it again does nothing. */
  close(): void
}

/**
 * One connection, which looks after itself until it is closed: after a loss the adapter, not its
 * user, connects again and subscribes again to every pattern that is open.
 */
export interface Transport {
  /**
   * A subject prefix that belongs to this connection alone, of one or more tokens without '*' and
   * '>' (`_INBOX.x7Kq2`). The user subscribes to `<inbox>.*`, and replies arrive at
   * `<inbox>.<token>`. It stays the same when the connection is found again.
   */
  readonly inbox: string
  /**
   * The largest message `publish` takes, in bytes, from limits.minMessageBytes (8 KiB) up. A server
   * that is found again may have changed it.
   */
  readonly maxMessageBytes: number
  /**
   * True where the network knows all its subscribers at any moment, as within one process: that
   * nobody listens to a subject is then final at once. Elsewhere a server may have died, and its
   * subscribers be about to connect to another one. Default: false.
   */
  readonly isWhole?: boolean
  /** False while the connection is known to be lost, and from the call of close on. */
  readonly connected: boolean
  /**
   * Sends one message, or drops it. The bytes are the caller's again when this returns, and nothing
   * is delivered before that.
   * @returns false when the message was dropped at once: not connected, or too many bytes wait to
   *   leave. A dropped message is counted, not an error: the layer above repairs losses anyway.
   * @throws LimitError when the message is larger than maxMessageBytes or a subject is too long;
   *   TypeError when a subject is not well formed; ClosedError (code CLOSED) from the call of close
   *   on. Any other exception is taken for a drop, so throw only where nothing was sent
   */
  publish(subject: string, bytes: Uint8Array, replyTo?: string): boolean
  /**
   * Calls `onMessage` for every message whose subject matches, one after the other. An exception in
   * a handler is reported (onProblem) and dropped. Those of a node or client throw none: they
   * report a message that cannot be, and drop it.
   * @throws LimitError when the pattern is too long; TypeError when it is not well formed;
   *   ClosedError from the call of close on
   */
  subscribe(pattern: string, onMessage: (message: IncomingMessage) => void): Subscription
  /**
   * Calls back whenever the connection is lost (false) or found again (true). Messages may have
   * vanished in between. A close by this side is not a loss: from the call of close on no listener
   * is called. The connection counts as made from the start, and is not reported.
   */
  onConnection(listener: (connected: boolean) => void): Subscription
  /**
   * Resolves when everything published before has left this process and the server has answered.
   * Subscriptions made before are known to the network by then.
   * @throws ConnectionError when the connection is lost first; ClosedError from the call of close
   *   on
   */
  flush(): Promise<void>
  /**
   * Flushes, then leaves; resolves also where the connection is lost. As soon as it is called,
   * publish, subscribe and flush fail with ClosedError, nothing more is delivered and no listener
   * is called, also while it still flushes. Calling it again does nothing, and waits for the same.
   */
  close(): Promise<void>
  /** Messages dropped by publish since the start. */
  readonly dropped: number
}
