/**
 * A machine that runs a node. The machine remembers since when the node holds writes that are not
 * on its disk.
 */
import { ConfigConflictError } from '../../engine/errors.js'
import type { MillpondNode } from '../../node/local-node.js'
import { openNode } from '../../node/open-node.js'
import type { NodeConfig } from '../../node/config.js'
import type { MillpondEvent } from '../../node/events.js'
import { isProven } from '../../replication/groups/phases.js'
import { checkBounds } from '../checkers/bounds.js'
import { SimDisk } from './disk.js'
import type { Loss } from '../model.js'
import { Machine } from './machine.js'
import type { SimProcess } from './process.js'
import type { Surroundings } from './surroundings.js'

/** Less than the time that a record of a run has, if that does not end within the run. */
const FAR_AHEAD_MS = 600_000
/** Pause before a node that could not be started is started again. */
const RESTART_MS = 400
/** So often a supervisor tries to start a process under a name that another one has. */
const MAX_REFUSALS = 8

export class NodeMachine extends Machine {
  node: MillpondNode | undefined
  readonly disks: ReadonlyMap<string, SimDisk>
  /** Whether the node should run in the end; others are gone for good. */
  wanted = true
  readonly #config: NodeConfig
  /** The machine that runs another process under this name: one of the two is to stay. */
  rival: NodeMachine | undefined
  /** What this machine's clock showed when its last process began ... */
  #beganWallMs = 0
  /** ... and the latest that it has shown when one was up. */
  #upWallMs = -Infinity
  /** Whether the process that runs was told that it could not hand everything over. */
  #handedOver = true
  /** Losses that are none once this machine has handed over. */
  #saidLost: Loss[] = []
  /** Since when writes are in memory that are not on disk. */
  #dirtySinceMs: number | undefined
  /** The last life in which this node heard another. */
  #heardInLife = 0

  /** @param nodeName the name of the node, which a second machine may use too by mistake */
  constructor (
    world: Surroundings,
    cluster: string,
    name: string,
    config: NodeConfig,
    readonly nodeName = name
  ) {
    super(world, cluster, name)
    this.#config = { ...config, name: nodeName }
    this.disks = new Map(
      Object.keys(config.caches).map(
        cache => [cache, new SimDisk(world.random.fork(`disk ${name} ${cache}`))]
      )
    )
  }

  protected async open (process: SimProcess): Promise<void> {
    const { world } = this
    this.node = undefined
    this.#dirtySinceMs = undefined
    this.#handedOver = true
    this.#beganWallMs = this.clock.wallMs()
    for (let refusals = 0;;) {
      try {
        const node = await openNode(this.#config, {
          network: world.network.of(this.name, process),
          limits: world.limits,
          ports: process.ports,
          openStore: cache => this.disk(cache).open(process),
          onEvent: event => this.onEvent(event),
          onInside: inside => {
            this.inside = inside
          }
        })
        this.node = node
        this.#upWallMs = Math.max(this.#upWallMs, this.clock.wallMs())
        void node.ended.then(why => {
          if (why !== undefined) this.#gaveWay(process)
        })
        this.cacheOf = name => node.cache(name)
        world.wentUp(this)
        return
      } catch (error) {
        // Another process has the name, or heartbeats of the last life are still under way: the
        // node cannot start yet.
        if (!(error instanceof ConfigConflictError)) throw error
        world.coverage.hit('start-refused')
        this.inside = undefined
        if (this.rival?.up === true && ++refusals >= MAX_REFUSALS) {
          // The first one went on before this one had begun: it was never replaced.
          this.#endFor(this.rival, false)
          return
        }
        await process.sleep(RESTART_MS)
      }
    }
  }

  /** Another machine has the name: a supervisor starts this one again, until it gets it. */
  #gaveWay (process: SimProcess): void {
    if (!process.alive) return
    const { world, rival } = this
    world.coverage.hit('gave-way')
    if (rival?.up !== true) {
      this.crash()
      if (this.wanted) this.start()
      return
    }
    if (this.wanted && this.#beganWallMs > rival.#upWallMs) {
      world.fail('of two processes of one name the later one stays', `${this.name} gave way`)
    }
    this.#endFor(rival, this.#handedOver)
  }

  /** The other process of this name stays, and this machine is gone for good. */
  #endFor (rival: NodeMachine, handedOver: boolean): void {
    this.wanted = false
    this.retired = true
    rival.wanted = true
    rival.rival = undefined
    this.rival = undefined
    if (!handedOver) this.lose(0, true)
    else {
      this.world.model.returned(this.#saidLost)
      this.world.coverage.hit('handed over late')
      if (this.#dirtySinceMs !== undefined) this.lose(this.#dirtySinceMs, true)
    }
    this.crash()
  }

  protected override onEvent (event: MillpondEvent): void {
    if (event.type === 'drain-ended') this.#handedOver = false
    super.onEvent(event)
  }

  disk (cache: string): SimDisk {
    const disk = this.disks.get(cache)
    if (disk === undefined) throw new TypeError(`${this.name} has no disk for ${cache}`)
    return disk
  }

  /** Counts that could grow with the number of consumers and clients of this node. */
  get kept (): { readonly timers: number, readonly cursors: number, readonly queued: number } {
    const { messenger, caches, replicas } = this.inside ?? {}
    const replicators = [...replicas?.values() ?? []].map(({ replicator }) => replicator)
    return {
      timers: this.process?.timers ?? 0,
      cursors: replicators.reduce(
        (sum, { shards, held }) =>
          sum +
          shards.cursors.of(held.all.flatMap(group => shards.topology.shardsOf(group))).length,
        0
      ),
      queued: (messenger?.requestsWaiting ?? 0) + (messenger?.partialMessages ?? 0) +
        (caches?.writesOnTheirWay ?? 0) +
        replicators.reduce((sum, { queues }) => sum + queues.ackWaiters, 0)
    }
  }

  override afterRun (): void {
    checkBounds(this.name, this.inside, this.world.limits)
    this.#lookForOthers()
    let dirty = false
    for (const replica of this.inside?.replicas.values() ?? []) {
      if (replica.unstoredBytes > 0) dirty = true
      else {
        for (const { pendingEntries } of replica.replicator.shards.residents()) {
          if (pendingEntries > 0) dirty = true
        }
      }
    }
    if (!dirty) this.#dirtySinceMs = undefined
    else this.#dirtySinceMs ??= this.world.scheduler.nowMs
  }

  /** A node that has heard no other has its own clock alone (SPEC T3): what it ends has ended. */
  #lookForOthers (): void {
    const { inside, life, clock, world, cluster } = this
    if (inside === undefined || this.#heardInLife === life) return
    if (inside.membership.members.size > 0) this.#heardInLife = life
    else if (clock.aheadMs > FAR_AHEAD_MS) {
      for (const [cache, { replicator: { held } }] of inside.replicas) {
        if (!held.all.some(group => isProven(held.phase(group)))) continue
        world.model.fields.endsEarly.add(`${cluster}/${cache}`)
      }
    }
  }

  protected override beforeCrash (): void {
    if (this.rival !== undefined && !this.wanted) {
      // Another process has its name: nobody starts this one again.
      this.retired = true
      this.rival.rival = undefined
      this.rival = undefined
      this.lose(0, true)
    } else if (this.#dirtySinceMs !== undefined) this.lose(this.#dirtySinceMs, false)
    this.world.gone(this)
  }

  /** Notes that writes which this machine took since then may be lost. */
  lose (fromMs: number, destroyed: boolean): Loss[] {
    const losses = [...this.disks.keys()].map(cache => ({
      place: `${this.cluster}/${cache}`,
      machine: this.name,
      fromMs,
      atMs: this.world.scheduler.nowMs,
      destroyed
    }))
    this.world.model.losses.push(...losses)
    return losses
  }

  /**
   * Nodes say that what this machine had may be lost. While another process has its name, it may
   * still hand everything over.
   */
  saidLost (): void {
    const losses = this.lose(0, true)
    if (this.rival !== undefined && !this.wanted) this.#saidLost.push(...losses)
  }

  /** Closes the node in good order, then the process ends. */
  leave (): void {
    const { process, node } = this
    if (process?.alive !== true || node === undefined) {
      this.crash()
      return
    }
    process.enter(() => {
      void node.close().catch((error: unknown) => {
        this.world.coverage.hit(`close-failed ${(error as Error).name}`)
      }).finally(() => {
        if (process.alive) this.crash()
        // The world was healed while the node was still leaving: it has to be there again.
        if (this.world.winding && this.wanted) this.start()
      })
    })
  }
}
