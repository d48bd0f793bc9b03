/**
 * millpond/adapters: the ports of Millpond, the adapters it brings, and all that an adapter of
 * one's own needs. Plug one in through the second argument of openNode and connect (Wiring):
 *
 *   a Store        { openStore: cache => new MyStore(cache) }; examples/own-store.ts is a whole one
 *   a Transport    { network: { connect: async (name, { onProblem }) => await dial(name) } }
 *   time, chance   { ports: { clock, timers, random } }
 *
 * The suites that an adapter must pass are in millpond/testing.
 */

// Where one node keeps one cache.
export type { Store, StoreBatch, StoredShard } from './storage/store.js'
export { MemoryDisk, openMemoryStore } from './storage/stores/memory-store.js'
export { openSqliteStore, type SqliteStoreOptions } from './storage/stores/sqlite-store.js'

// Messages between nodes and clients.
export type { IncomingMessage, Subscription, Transport } from './replication/transport/transport.js'
export { assertPattern, assertSubject } from './replication/transport/subjects-match.js'
export type { Network } from './node/network.js'
export { createNetwork } from './node/network.js'
export { NO_FAULTS, type Faults } from './replication/transport/in-process/faults.js'
export { InProcessNetwork, type InProcessConnectOptions, type InProcessNetworkOptions,
  type NetworkCounters } from './replication/transport/in-process/network.js'
export { connectNats } from './replication/transport/nats/nats-transport.js'
export type { NatsOptions, NatsTls } from './replication/transport/nats/nats-options.js'

// Time, timers and chance.
export type { Clock, Ports, Random, Timer, Timers } from './engine/ports.js'
export { systemPorts } from './node/system-ports.js'

// The bounds an adapter keeps to, and the errors it answers with.
export { limits, limitsWith, type Limits } from './engine/limits.js'
export { ClosedError, ConfigConflictError, ConfigError, ConnectionError, LimitError, MillpondError,
  StoreError, type Changed, type ErrorFacts } from './engine/errors.js'
