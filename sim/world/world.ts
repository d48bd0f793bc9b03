/**
 * The world of one run: a network, clusters of machines on it, workloads that run on them, and the
 * model of the truth. It applies the faults of its plan, looks in on everything while they last,
 * and heals itself.
 */
import type { MillpondEvent } from '../../node/events.js'
import type { Limits } from '../../engine/limits.js'
import { checkEqualDigests } from '../checkers/convergence.js'
import { CursorWatch } from '../checkers/cursors.js'
import { checkExpired } from '../checkers/expiry.js'
import { checkAcknowledged, checkOrigins } from '../checkers/truth.js'
import { ClientMachine } from './client-machine.js'
import { Coverage } from '../run/coverage.js'
import { applyFault, type Stage } from './faults.js'
import { HostileMessages } from '../hostile/hostile.js'
import type { Machine } from './machine.js'
import { Model } from '../model.js'
import { SimNetwork, type SentMessage } from './network.js'
import { NodeMachine } from './node-machine.js'
import { describeFault, PACES, type ClusterPlan, type Plan } from '../plan/plan.js'
import { SimRandom } from '../random.js'
import { Resends } from '../run/resends.js'
import { Scheduler } from './scheduler.js'
import { limitsOf } from './small-limits.js'
import type { Host } from './surroundings.js'
import type { Trace } from '../run/trace.js'
import { Violation } from '../violation.js'
import { ConsumerGroup } from '../workloads/consumer.js'
import { Writer } from '../workloads/writer.js'
import { WRITES } from '../workloads/writes.js'

const WRITE_TIMEOUT_MS = 1500
/** How often what is too slow to look at after every event is looked at. */
const LOOK_MS = 250
/** When this machine's memory was lost, its disk was lost, or it gave a placement group up. */
interface Gone {
  readonly machine: string
  readonly atMs: number
}

export class World implements Stage {
  readonly limits: Limits
  readonly scheduler: Scheduler
  readonly random: SimRandom
  readonly network: SimNetwork
  readonly model = new Model()
  readonly coverage = new Coverage()
  readonly hostile: HostileMessages
  readonly machines = new Map<string, Machine>()
  readonly consumers: ConsumerGroup[] = []
  /** Subjects that something was sent on since the last call of `takeSubjects`. */
  #subjects = new Set<string>()
  winding = false
  #failure: Violation | undefined
  #touched: Host | undefined
  readonly #plan: Plan
  readonly #timing: typeof PACES[Plan['pace']]
  readonly #trace: Trace
  readonly #gone: Gone[] = []
  readonly #cursors = new CursorWatch()
  readonly #resends: Resends
  /** What happens as soon as a durable write of a cluster is acknowledged. */
  readonly #whenDurable = new Map<string, () => void>()
  readonly #undo = new Map<number, () => void>()
  #twins = 0
  readonly #syncingSinceMs = new Map<string, number>()

  constructor (plan: Plan, trace: Trace) {
    this.limits = limitsOf(plan.limits)
    this.#plan = plan
    this.#timing = PACES[plan.pace]
    this.#trace = trace
    this.random = new SimRandom(plan.seed)
    this.scheduler = new Scheduler({
      onEvent: (atMs, label) => trace.add(atMs, label),
      afterEvent: () => this.#afterEvent()
    })
    this.hostile = new HostileMessages(
      this.random.fork('hostile'),
      this.coverage,
      () => this.network
    )
    this.#resends = new Resends(this.coverage)
    this.network = new SimNetwork({
      limits: this.limits,
      scheduler: this.scheduler,
      random: this.random.fork('network'),
      maxMessageBytes: plan.maxMessageBytes,
      onSend: message => this.#sent(message)
    })
    for (const cluster of plan.clusters) this.#build(cluster)
    for (const consumer of plan.consumers) {
      this.consumers.push(
        new ConsumerGroup({
          world: this,
          plan: consumer,
          hosts: () => this.#hostsOf(consumer.cluster)
        })
      )
    }
    plan.faults.forEach((fault, i) =>
      this.scheduler.at(fault.atMs, `fault ${describeFault(fault)}`, () => this.#fault(i))
    )
    this.#lookSoon()
  }

  #build (cluster: ClusterPlan): void {
    for (const name of [...cluster.nodes, ...cluster.spares]) {
      const machine = new NodeMachine(this, cluster.name, name, {
        cluster: cluster.name,
        caches: cluster.caches,
        timing: this.#timing
      })
      machine.wanted = !cluster.spares.includes(name)
      this.machines.set(name, machine)
      if (machine.wanted) this.scheduler.at(0, `start ${name}`, () => machine.start())
    }
    for (const name of cluster.clients) {
      const machine = new ClientMachine(this, cluster.name, name, {
        cluster: cluster.name,
        connectTimeoutMs: 1000,
        timing: this.#timing
      }, Object.keys(cluster.caches))
      this.machines.set(name, machine)
      this.scheduler.at(200, `start ${name}`, () => machine.start())
    }
  }

  /** The nodes of a cluster that should be there when all is well. */
  nodesOf (cluster: string): NodeMachine[] {
    return [...this.machines.values()].filter((machine): machine is NodeMachine =>
      machine instanceof NodeMachine && machine.cluster === cluster &&
      (machine.wanted || machine.process?.alive === true)
    )
  }

  #hostsOf (cluster: string): Machine[] {
    return [...this.machines.values()].filter(machine => machine.cluster === cluster)
  }

  #fault (i: number): void {
    const fault = this.#plan.faults[i]
    if (fault === undefined || this.winding) return
    this.coverage.hit(`fault ${fault.kind}`)
    const undo = applyFault(this, fault, this.random.fork(`fault ${i}`))
    if (undo === undefined) return
    this.#undo.set(i, undo)
    this.scheduler.after(fault.forMs, `end of fault ${i} ${fault.kind}`, () => this.#endFault(i))
  }

  #endFault (i: number): void {
    this.#undo.get(i)?.()
    this.#undo.delete(i)
  }

  startTwin (machine: string): () => void {
    const original = this.machines.get(machine)
    if (!(original instanceof NodeMachine)) return () => {}
    const name = `${machine}-twin${++this.#twins}`
    const cluster = this.#plan.clusters.find(plan => plan.name === original.cluster)
    if (cluster === undefined) return () => {}
    const twin = new NodeMachine(this, original.cluster, name, {
      cluster: original.cluster,
      caches: cluster.caches,
      timing: this.#timing
    }, machine)
    twin.wanted = false
    this.machines.set(name, twin)
    twin.start()
    return () => {
      twin.retired = true
      twin.crash()
      twin.lose(0, true)
      this.machines.delete(name)
    }
  }

  get #expires (): boolean {
    return this.#plan.writes.some(({ kind }) => kind === 'expiring')
  }

  /**
   * Ends every fault, starts everything that should run, and stops the writers. What is on its way
   * may still arrive.
   */
  heal (): void {
    this.winding = true
    for (const i of [...this.#undo.keys()]) this.#endFault(i)
    this.network.heal()
    // Wrong clocks are no fault that has to end, unless the run waits for what expires by them.
    if (this.#expires) { for (const { clock } of this.machines.values()) clock.setRight() }
    for (const machine of this.machines.values()) {
      machine.process?.resume()
      if (!(machine instanceof NodeMachine) || machine.wanted) machine.start()
    }
    for (const consumer of this.consumers) consumer.hurry()
  }

  wentUp (host: Host): void {
    for (const [i, plan] of this.#plan.writes.entries()) {
      if (plan.host !== host.name) continue
      const cluster = this.#plan.clusters.find(({ name }) => name === plan.cluster)
      const replicas = cluster?.caches[plan.cache]?.replicas ?? 1
      const writer = new Writer(this, host, this.random.fork(`writes ${i} ${host.life}`), {
        cache: plan.cache,
        replicas,
        concerns: plan.concerns ?? this.#plan.concerns,
        timeoutMs: WRITE_TIMEOUT_MS
      })
      void WRITES[plan.kind](writer, plan).catch((error: unknown) =>
        this.fail('workloads run', String(error))
      )
    }
  }

  startPausesMs (machine: string): number[] {
    if (this.winding || !this.#plan.slowStarts.includes(machine)) return []
    this.coverage.hit('fault slow-start')
    const random = this.random.fork(`slow start ${machine} ${this.scheduler.nowMs}`)
    return Array.from({ length: random.int(1, 6) }, () => random.between(50, 700))
  }

  ran (host: Host): void {
    this.#touched = host
  }
  gone (host: Host): void {
    this.#gone.push({ machine: host.name, atMs: this.scheduler.nowMs })
  }

  onDurable (cluster: string, then: () => void): () => void {
    this.#whenDurable.set(cluster, then)
    return () => {
      if (this.#whenDurable.get(cluster) === then) this.#whenDurable.delete(cluster)
    }
  }

  acknowledged (opId: number): void {
    const op = this.model.ops[opId]
    if (op === undefined) return
    const cluster = op.place.split('/')[0] ?? ''
    const then = op.concern === 'durable' ? this.#whenDurable.get(cluster) : undefined
    if (then !== undefined) {
      this.#whenDurable.delete(cluster)
      this.scheduler.after(0, `${cluster} crashes after write ${op.id}`, then)
    }
    try {
      checkAcknowledged(
        this.model,
        op,
        this.nodesOf(cluster),
        sinceMs =>
          new Set(this.#gone.filter(({ atMs }) => atMs >= sinceMs).map(({ machine }) => machine))
      )
    } catch (error) {
      this.#failWith(error)
    }
  }

  reported (host: Host, event: MillpondEvent): void {
    this.coverage.take(event)
    if (event.type === 'member-joined') this.hostile.met(event.incarnation)
    if (event.type === 'group-phase') {
      const id = `${host.name} ${host.life} ${event.cache} ${event.group}`
      if (event.phase === 'dropped') {
        this.gone(host)
        this.#cursors.dropped(host.process?.label, event.cache, event.group)
      }
      if (event.phase === 'syncing') this.#syncingSinceMs.set(id, this.scheduler.nowMs)
      // Ready at once would mean that there was nobody to fetch from.
      if (
        event.phase === 'ready' && this.scheduler.nowMs > (this.#syncingSinceMs.get(id) ?? Infinity)
      ) this.coverage.hit('bootstrap')
    }
    if (event.type === 'handler-failed' || event.type === 'connection-problem') {
      this.fail(
        'handlers never fail',
        `${host.name}: ${
          event.error instanceof Error
            ? event.error.stack ?? event.error.message
            : String(event.error)
        }`
      )
    }
    if (event.type === 'own-incarnation') {
      this.fail(
        'an incarnation id is used once',
        `${host.name}: shard ${event.shard} of ${event.cache}`
      )
    }
    if (event.type === 'config-conflict') {
      this.fail('settings agree', `${host.name}: ${event.detail}`)
    }
  }

  fail (invariant: string, detail: string): void {
    this.#failure ??= new Violation(invariant, detail)
  }

  #failWith (error: unknown): void {
    this.#failure ??= error instanceof Violation
      ? error
      : new Violation('checkers run', String(error))
  }

  #sent (message: SentMessage): void {
    this.#subjects.add(message.subject)
    this.hostile.record(message)
    this.#resends.look(message)
  }

  takeSubjects (): Set<string> {
    const subjects = this.#subjects
    this.#subjects = new Set()
    return subjects
  }

  #afterEvent (): void {
    const touched = this.#touched
    this.#touched = undefined
    if (touched !== undefined) touched.afterRun()
    if (this.#failure !== undefined) throw this.#failure
  }

  #lookSoon (): void {
    this.scheduler.after(LOOK_MS, 'look', () => {
      for (const { name, caches } of this.#plan.clusters) {
        const nodes = this.nodesOf(name)
        for (const cache of Object.keys(caches)) {
          checkEqualDigests(nodes, cache)
          for (const node of nodes) {
            this.#cursors.check(node, cache)
            checkOrigins(this.model, `${name}/${cache}`, node, cache)
            if (this.#expires) checkExpired(this.model, `${name}/${cache}`, node, cache)
          }
        }
      }
      this.#lookSoon()
    })
  }

  get heartbeatMs (): number {
    return this.#timing.heartbeatMs
  }

  get trace (): Trace {
    return this.#trace
  }
}
