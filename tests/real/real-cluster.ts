/**
 * A cluster as it is run: a nats-server, and a process of its own for each node, with its data in a
 * directory that outlives it. Faults are signals to these processes, and files that are removed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { connect, type Cache, type MillpondClient, type NodeStatus } from '../../index.js'
import { waitFor } from '../../testing/wait-for.js'
import { startNode, type Ended, type MillpondProcess } from '../support/millpond-process.js'
import { freePort, startNatsServer, type NatsServer } from '../support/nats-server.js'

export const CACHE = 'offers'
const SETTLED_MS = 90_000

export interface RealClusterOptions {
  readonly replicas?: number
  /** Whether nodes keep their data in memory only. */
  readonly inMemory?: boolean
}

export class RealCluster {
  readonly nodes = new Map<string, MillpondProcess>()
  /** Is told what is done to the cluster. */
  onFault: (what: string) => void = () => {}
  readonly #t: ExecutionContext
  readonly #folder: string
  readonly options: RealClusterOptions
  readonly #port: number
  #nats: NatsServer
  #client: MillpondClient | undefined

  private constructor (
    t: ExecutionContext,
    options: RealClusterOptions,
    folder: string,
    nats: NatsServer
  ) {
    this.#t = t
    this.options = options
    this.#folder = folder
    this.#nats = nats
    this.#port = nats.port
  }

  /** Starts a cluster; it ends with the test. */
  static async start (
    t: ExecutionContext,
    names: readonly string[],
    options: RealClusterOptions = {}
  ): Promise<RealCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'millpond-real-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const nats = await startNatsServer({ port: await freePort() })
    const cluster = new RealCluster(t, options, folder, nats)
    t.teardown(() => cluster.#nats.kill())
    await Promise.all(names.map(name => cluster.startNode(name, names.length)))
    cluster.#client = await connect({ cluster: 'real', nats: { servers: nats.url } })
    t.teardown(() => cluster.#client?.close())
    return cluster
  }

  get client (): MillpondClient {
    if (this.#client === undefined) throw new Error('the cluster has not started')
    return this.#client
  }

  get cache (): Cache {
    return this.client.cache(CACHE)
  }

  /** Starts a node on the data that its name left, and waits until it says that it is ready. */
  async startNode (name: string, expectNodes = 1, folder = name): Promise<MillpondProcess> {
    const { replicas = 2, inMemory = false } = this.options
    const node = await startNode(this.#t, [
      '--cluster',
      'real',
      '--nats',
      `nats://127.0.0.1:${this.#port}`,
      '--cache',
      CACHE,
      '--name',
      name,
      '--replicas',
      String(replicas),
      '--expect-nodes',
      String(expectNodes),
      '--log-level',
      'warn',
      ...inMemory ? [] : ['--data', join(this.#folder, folder)]
    ])
    this.nodes.set(name, node)
    this.onFault(`${name} is ready`)
    return node
  }

  /** Ends a node without warning. */
  async kill (name: string): Promise<void> {
    this.onFault(`kill ${name}`)
    await this.#take(name).end('SIGKILL')
  }

  /** Ends a node as its operator would. */
  stop (name: string): Promise<Ended> {
    this.onFault(`stop ${name}`)
    return this.#take(name).end('SIGTERM')
  }

  /** Removes what a node kept on its disk; the node must not run. */
  async wipe (name: string): Promise<void> {
    await rm(join(this.#folder, name), { recursive: true, force: true })
  }

  signal (name: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.onFault(`${signal} ${name}`)
    this.nodes.get(name)?.child.kill(signal)
  }

  /** A node is no longer one that should run; its process goes on. */
  letGo (name: string): MillpondProcess {
    return this.#take(name)
  }

  #take (name: string): MillpondProcess {
    const node = this.nodes.get(name)
    if (node === undefined) throw new Error(`no node ${name} runs`)
    this.nodes.delete(name)
    return node
  }

  async killNats (): Promise<void> {
    this.onFault('kill nats-server')
    await this.#nats.kill()
  }

  async startNats (): Promise<void> {
    this.#nats = await startNatsServer({ port: this.#port })
    this.onFault('start nats-server')
  }

  async statuses (): Promise<NodeStatus[]> {
    return await Promise.all([...this.nodes.keys()].map(name => this.client.statusOf(name)))
  }

  /** Waits until every node sees all others, and has all that it should hold. */
  async settled (): Promise<void> {
    let why = ''
    await waitFor(
      async () => {
        try {
          why = this.#unsettled(await this.statuses())
        } catch (error) {
          why = String(error)
        }
        return why === ''
      },
      'the cluster to settle',
      SETTLED_MS
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${why}`)
    })
  }

  #unsettled (statuses: readonly NodeStatus[]): string {
    const roots = new Map<number, Set<string>>()
    for (const { node, members, caches } of statuses) {
      if (members.length !== this.nodes.size) return `${node} sees ${members.join()}`
      for (const { group, phase, root } of caches[CACHE]?.held ?? []) {
        if (phase !== 'ready') return `${node} has group ${group} as ${phase}`
        roots.set(group, (roots.get(group) ?? new Set()).add(root))
      }
    }
    const apart = [...roots].find(([, ofGroup]) => ofGroup.size > 1)
    return apart === undefined ? '' : `the replicas of group ${apart[0]} differ`
  }
}
