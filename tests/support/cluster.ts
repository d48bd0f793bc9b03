/**
 * A cluster of whole nodes in one process, on virtual time and a network with faults: what a seeded
 * test of the system runs on. Every node has a disk that outlives it, so it can be killed and
 * started again on what it left.
 *
 * At the end of a test everything is closed, and whatever no fault can excuse (an exception in a
 * handler, an update that was refused, an incarnation used twice) fails it, however well the test
 * itself went.
 */
import type { ExecutionContext } from 'ava'
import { limits } from '../../engine/limits.js'
import type { Fields } from '../../engine/base/values.js'
import type { Cache } from '../../node/cache/cache.js'
import type { ClientConfig, NodeConfig } from '../../node/config.js'
import { connect, type MillpondClient } from '../../node/connect.js'
import type { MillpondEvent } from '../../node/events.js'
import type { MillpondNode } from '../../node/local-node.js'
import { openNode } from '../../node/open-node.js'
import type { Faults } from '../../replication/transport/in-process/faults.js'
import { InProcessNetwork } from '../../replication/transport/in-process/network.js'
import type { Transport } from '../../replication/transport/transport.js'
import { MemoryDisk } from '../../storage/stores/memory-store.js'
import { describeSeed, pickSeed } from './ports.js'
import { VirtualTime } from './virtual-time.js'

export interface ClusterOptions {
  readonly seed?: number
  readonly faults?: Partial<Faults>
  readonly shards?: number
  readonly groups?: number
  readonly replicas?: number
  readonly timing?: NodeConfig['timing']
  readonly expectNodes?: number
  /** Event types that this test provokes. */
  readonly expect?: ReadonlyArray<MillpondEvent['type']>
}

export const CACHE = 'prices'
const NEVER: ReadonlyArray<MillpondEvent['type']> = ['handler-failed', 'own-incarnation',
  'update-refused', 'newer-release', 'message-refused', 'connection-problem', 'name-taken',
  'config-conflict', 'clock-ahead', 'store-commit-failed', 'shard-damaged']

export class Cluster {
  readonly time: VirtualTime
  readonly network: InProcessNetwork
  readonly nodes = new Map<string, MillpondNode>()
  readonly clients = new Map<string, MillpondClient>()
  readonly disks = new Map<string, MemoryDisk>()
  readonly events: Array<{ readonly node: string, readonly event: MillpondEvent }> = []
  /** The transport of each connection, for tests that listen in or interfere. */
  readonly transports = new Map<string, Transport>()
  readonly #options: ClusterOptions

  constructor (t: ExecutionContext, options: ClusterOptions = {}) {
    const seed = options.seed ?? pickSeed()
    t.log(describeSeed(seed))
    this.#options = options
    this.time = new VirtualTime(seed)
    this.network = new InProcessNetwork({
      limits,
      ...this.time.ports('network'),
      ...options.faults === undefined ? {} : { faults: options.faults }
    })
    t.teardown(() => this.#end(t))
  }

  async #end (t: ExecutionContext): Promise<void> {
    this.network.heal()
    for (const name of [...this.nodes.keys(), ...this.clients.keys()]) await this.close(name)
    const bad = this.events.filter(({ event }) =>
      NEVER.includes(event.type) && this.#options.expect?.includes(event.type) !== true
    )
    if (bad.length > 0) {
      t.fail(
        `${bad.length} events that must never be: ${
          JSON.stringify(bad.slice(0, 3), (_, value: unknown) =>
            value instanceof Error ? String(value.stack) : value)
        }`
      )
    }
  }

  #wiring (name: string) {
    const network = {
      connect: (
        _: string,
        options: { onProblem: (error: unknown) => void }
      ): Transport => {
        const transport = this.network.connect(name, options)
        this.transports.set(name, transport)
        return transport
      }
    }
    return {
      network,
      ports: this.time.ports(name),
      onEvent: (event: MillpondEvent) => {
        this.events.push({ node: name, event })
      }
    }
  }

  /** Starts nodes, all at the same time. */
  async start (...names: string[]): Promise<void> {
    await Promise.all(names.map(name => this.startNode(name)))
  }

  async startNode (name: string, config: Partial<NodeConfig> = {}): Promise<MillpondNode> {
    const { shards = 16, groups = 8, replicas = 2, timing = {}, expectNodes = 1 } = this.#options
    const disk = this.disks.get(name) ?? new MemoryDisk()
    this.disks.set(name, disk)
    const opening = openNode({
      cluster: 'test',
      name,
      caches: { [CACHE]: { shards, groups, replicas } },
      timing,
      expectNodes,
      ...config
    }, { ...this.#wiring(name), openStore: () => disk.open() })
    const node = await this.time.wait(opening, `${name} to open`)
    this.nodes.set(name, node)
    return node
  }

  async client (name: string, config: Partial<ClientConfig> = {}): Promise<Cache> {
    return (await this.connect(name, config)).cache(CACHE)
  }

  /** A client that no cache was asked of yet. */
  async connect (name: string, config: Partial<ClientConfig> = {}): Promise<MillpondClient> {
    const client = await this.time.wait(
      connect(
        { cluster: 'test', name, timing: this.#options.timing, ...config },
        this.#wiring(name)
      ),
      `${name} to connect`
    )
    this.clients.set(name, client)
    return client
  }

  node (name: string): MillpondNode {
    const node = this.nodes.get(name)
    if (node === undefined) throw new Error(`no node ${name} runs`)
    return node
  }

  cache (name: string): Cache {
    return this.node(name).cache(CACHE)
  }

  /** Ends a node in the way its operator would. */
  async close (name: string): Promise<void> {
    const closing = (this.nodes.get(name) ?? this.clients.get(name))?.close()
    this.nodes.delete(name)
    this.clients.delete(name)
    if (closing !== undefined) await this.time.wait(closing, `${name} to close`)
  }

  /** Ends a process as a power cut would; what its disk has stays. */
  kill (name: string): void {
    this.network.kill(name)
    this.time.kill(name)
    this.disks.get(name)?.crash()
    this.nodes.delete(name)
    this.clients.delete(name)
  }

  /** Everything a reader sees. */
  async scan (cache: Cache, node?: string): Promise<Map<string, Fields>> {
    const read = async (): Promise<Map<string, Fields>> => {
      const records = new Map<string, Fields>()
      for await (const { key, fields } of cache.scan(node === undefined ? {} : { node })) {
        records.set(key, fields)
      }
      return records
    }
    return await this.time.wait(read(), 'a scan')
  }

  /** Whether every group has exactly its owners as holders, all ready and with equal roots. */
  get settled (): boolean {
    const byGroup = new Map<number, Array<{ phase: string, root: string, owners: string }>>()
    for (const node of this.nodes.values()) {
      const status = node.status()
      if (status.members.length !== this.nodes.size) return false
      for (const { group, phase, root, owners } of status.caches[CACHE]?.held ?? []) {
        byGroup.set(group, [...byGroup.get(group) ?? [], { phase, root, owners: owners.join() }])
      }
    }
    const { groups = 8, replicas = 2 } = this.#options
    if (byGroup.size !== groups) return false
    return [...byGroup.values()].every(holders =>
      holders.length === Math.min(replicas, this.nodes.size) &&
      holders.every(({ phase, root, owners }) =>
        phase === 'ready' && root === holders[0]?.root && owners === holders[0].owners
      )
    )
  }

  async untilSettled (limitMs = 60_000): Promise<void> {
    await this.time.until(() => this.settled, 'the cluster to settle', limitMs)
  }

  /** Names of the nodes that hold a group, as they say themselves. */
  holders (group: number): string[] {
    return [...this.nodes].filter(([, node]) =>
      node.status().caches[CACHE]?.held.some(held => held.group === group) === true
    ).map(([name]) => name)
  }

  eventsOf (type: MillpondEvent['type']): MillpondEvent[] {
    return this.events.filter(({ event }) => event.type === type).map(({ event }) => event)
  }
}

export async function startCluster (
  t: ExecutionContext,
  names: readonly string[],
  options: ClusterOptions = {}
): Promise<Cluster> {
  const cluster = new Cluster(t, options)
  await cluster.start(...names)
  await cluster.untilSettled()
  return cluster
}
