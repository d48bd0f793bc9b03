/**
 * One Replicator with everything it needs and nothing above it, on virtual time: for tests that
 * look at its shards, lose chosen messages on their way, or take state away behind its back.
 */
import { decodeCbor } from '../../engine/base/codec.js'
import { HybridClock } from '../../engine/base/hlc.js'
import type { IndexDeclaration } from '../../engine/query/query.js'
import { limits } from '../../engine/limits.js'
import { Topology } from '../../engine/topology/topology.js'
import type { WriteConcern } from '../../replication/deltas/write-concern.js'
import { decodePart } from '../../replication/messages/envelope.js'
import type { ReplicationEvent } from '../../replication/events.js'
import type { CacheShape } from '../../replication/membership/cache-shape.js'
import type { InProcessNetwork } from '../../replication/transport/in-process/network.js'
import { Membership } from '../../replication/membership/membership.js'
import { Messenger } from '../../replication/messages/messenger.js'
import type { DeltaBatch } from '../../replication/deltas/outbox.js'
import { Replicator } from '../../replication/replicator.js'
import { subjectsOf } from '../../replication/messages/subjects.js'
import { MemoryDisk } from '../../storage/stores/memory-store.js'
import { Persister } from '../../storage/write-behind/persister.js'
import { ShardSet } from '../../storage/shard-set.js'
import { timingWith } from './timing.js'
import type { VirtualTime } from './virtual-time.js'

export interface Replica {
  readonly name: string
  readonly incarnation: number
  readonly replicator: Replicator
  readonly membership: Membership
  readonly messenger: Messenger
  readonly events: ReplicationEvent[]
  /** Subjects of everything it sent. */
  readonly sent: string[]
  /** Batches of deltas it sent, lost ones included. */
  readonly batches: Array<{ readonly group: number, readonly batch: DeltaBatch }>
  /** Commits of its store so far. */
  readonly commits: () => number
  /** Set to lose messages before they leave: the sender takes them for sent. */
  lose: (subject: string, bytes: Uint8Array) => boolean
  put(key: string, n: number, ack?: WriteConcern, timeoutMs?: number): Promise<boolean>
  get(key: string): unknown
  close(): void
}

export function openReplica (
  network: InProcessNetwork,
  time: VirtualTime,
  name: string,
  shape: CacheShape,
  indexes: IndexDeclaration = {}
): Replica {
  const ports = time.ports(name)
  const topology = new Topology(shape)
  const subjects = subjectsOf('unit')
  const events: ReplicationEvent[] = []
  const onEvent = (event: ReplicationEvent): void => {
    events.push(event)
  }
  const transport = network.connect(name)
  const sent: string[] = []
  const batches: Replica['batches'] = []
  let commits = 0
  const publish = transport.publish.bind(transport)
  transport.publish = (subject, bytes, replyTo) => {
    sent.push(subject)
    if (subject.includes('.d.')) {
      batches.push({
        group: Number(subject.split('.').at(-1)),
        batch: decodeCbor(decodePart(bytes, subject, limits).content) as DeltaBatch
      })
    }
    return replica.lose(subject, bytes) || publish(subject, bytes, replyTo)
  }
  const messenger = new Messenger({ transport, ports, limits, onEvent })
  const incarnation = ports.random.uint32() || 1
  const clock = new HybridClock(ports.clock, limits)
  const persister = new Persister({
    store: new MemoryDisk().open(),
    timers: ports.timers,
    limits,
    storeIntervalMs: 20,
    onEvent: ({ type }) => {
      if (type === 'store-committed') commits++
    }
  })
  const timing = timingWith({
    requestTimeoutMs: 1000,
    collectIntervalMs: 1000,
    tombstoneMinAgeMs: 5000,
    tombstoneMaxAgeMs: 60_000
  })
  const cluster = { limits, timing, messenger, subjects, ports, onEvent }
  const membership = new Membership(cluster, {
    id: name,
    incarnation,
    describe: () => ({ weight: 1, caches: { prices: replicator.describe() } })
  })
  const replicator: Replicator = new Replicator({
    ...cluster,
    cache: 'prices',
    shape,
    topology,
    self: { id: name, incarnation },
    store: { id: `store of ${name}`, durable: false },
    expectNodes: 1,
    membership
  }, {
    persister,
    saveRoster: () => {},
    createShards: listener =>
      new ShardSet({
        topology,
        limits,
        clock,
        persister,
        incarnation,
        drawIncarnation: () => ports.random.uint32() || 1,
        indexes,
        onEvent: event => onEvent({ ...event, cache: 'prices' })
      }, { ...listener, onChange: () => {} })
  })
  messenger.serve(subjects.peerAll(name), question => replicator.peerServer.answer(question))
  const replica: Replica = {
    name,
    incarnation,
    replicator,
    membership,
    messenger,
    events,
    sent,
    batches,
    commits: () => commits,
    lose: () => false,
    put: (key, n, ack = 'buffered', timeoutMs = 5000) => {
      const version = clock.next()
      return replicator.writes.take(
        topology.shardOf(key),
        { key, version, stamp: version, fields: { n } },
        ack,
        timeoutMs
      )
    },
    get: key => replicator.shards.record(replicator.topology.shardOf(key), key)?.['n'],
    close () {
      replicator.close()
      membership.close()
      messenger.close()
    }
  }
  replicator.start()
  membership.start()
  return replica
}

/** Whether these replicas hold the same of every group. */
export function alike (replicas: readonly Replica[]): boolean {
  const [first] = replicas
  if (first === undefined) return true
  return replicas.every(({ replicator }) =>
    [...first.replicator.topology.allGroups()].every(group =>
      replicator.shards.root(group) === first.replicator.shards.root(group)
    )
  )
}
