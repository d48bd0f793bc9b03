/**
 * Millpond: a bounded, mergeable buffer between streaming pipelines. Everything that a user needs
 * is named here; the ports, for authors of adapters, are in millpond/adapters.
 */

// Nodes and clients.
export { openNode } from './node/open-node.js'
export type { MillpondNode } from './node/local-node.js'
export type { Wiring } from './node/wiring.js'
export { connect, type MillpondClient } from './node/connect.js'
export type { ForgottenStore } from './node/caches.js'
export type { ClientConfig, NodeConfig } from './node/config.js'
export { createNetwork } from './node/network.js'
export type { Network } from './node/network.js'
export type { InProcessNetwork } from './replication/transport/in-process/network.js'
export type { MillpondEvent, OnMillpondEvent } from './node/events.js'
export type { ConsumerStatus, NodeStatus } from './pubsub/requests/status-protocol.js'
export type { Pace } from './engine/timing.js'

// Caches: writing, reading, consuming.
export type { CallOptions } from './engine/calls/call.js'
export type { Cache, CacheRecord, QueryOptions, ReadOptions } from './node/cache/cache.js'
export type { NameOf, RecordOf, RegistersOf, Schema } from './node/cache/cache-schema.js'
export type { PutOptions, WriteOptions } from './node/cache/cache-writes.js'
export type { AckOptions } from './node/cache/write-entry.js'
export type { Patch, RegisterPatch, SequencedPatch } from './node/cache/patch.js'
export type { WriteConcern } from './replication/deltas/write-concern.js'
export type { ConsumedBatch as Batch, ConsumeOptions } from './pubsub/consumer/options.js'
export type { Change } from './engine/changes.js'

// Values, fields, queries.
export type { Fields, Value } from './engine/base/values.js'
export type { FieldKind } from './engine/fields/kinds.js'
export type { Element } from './engine/fields/set.js'
export type { IndexDeclaration, IndexKind, Operators, Scalar, Where } from './engine/query/query.js'

// Errors. Each says whether anything changed and whether to retry; docs/errors.md lists the codes.
export { AbortedError, BusyError, ClosedError, ConfigConflictError, ConfigError, ConnectionError,
  CursorError, EnvelopeError, FutureVersionError, KindError, LimitError, LogError, MillpondError,
  NotIndexedError, OutcomeUnknownError, OvertakenError, QueryError, RemoteError, ShadowedError,
  StoreError, TimeoutError, UnavailableError, UpdateRefusedError, ValueError, WriteConcernError,
  WritesFailedError, type Changed, type ErrorFacts, type FailedWrite } from './engine/errors.js'

// Bounds, and the ports that Wiring takes.
export { limits, limitsWith, type Limits } from './engine/limits.js'
export type { Clock, Ports, Random, Timer, Timers } from './engine/ports.js'
