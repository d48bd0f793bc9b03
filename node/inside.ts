/**
 * The parts behind a node or client, for simulations and tests that check from outside whether it
 * keeps its promises. They are to be read, not to be changed.
 */
import type { Membership } from '../replication/membership/membership.js'
import type { Messenger } from '../replication/messages/messenger.js'
import type { CacheReplica } from './cache/cache-replica.js'
import type { Caches } from './caches.js'

export interface Inside {
  readonly messenger: Messenger
  readonly membership: Membership
  readonly caches: Caches
  /** By cache; empty on a client, and on a node before it has joined. */
  readonly replicas: ReadonlyMap<string, CacheReplica>
}
