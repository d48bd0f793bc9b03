/**
 * The world of one run: a network, clusters of machines on it, workloads that run on them, and the
 * model of the truth. The world applies the faults of its plan, and heals itself when told to.
 */
import type { Limits } from '../../engine/limits.js'
import type { MillpondEvent } from '../../node/events.js'
import { demandOf } from '../../replication/deltas/write-concern.js'
import { replicasOf, type HeldRecord } from '../checkers/replicas.js'
import { Coverage } from '../run/coverage.js'
import { applyFault, type Stage } from './faults.js'
import { HostileMessages } from '../hostile/hostile.js'
import { Lookout, type Watched } from './lookout.js'
import { Machines } from './machines.js'
import { Model } from '../model.js'
import { SimNetwork, type SentMessage } from './network.js'
import { NodeMachine } from './node-machine.js'
import { describeFault, slowestPace, type Plan } from '../plan/plan.js'
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

export class World implements Stage, Watched {
  readonly limits: Limits
  readonly scheduler: Scheduler
  readonly random: SimRandom
  readonly network: SimNetwork
  readonly model = new Model()
  readonly coverage = new Coverage()
  readonly hostile: HostileMessages
  readonly machines: Machines
  readonly consumers: ConsumerGroup[] = []
  /** Subjects of the messages sent since the last call of `takeSubjects`. */
  #subjects = new Set<string>()
  winding = false
  #failure: Violation | undefined
  #touched: Host | undefined
  readonly #plan: Plan
  readonly #lookout: Lookout
  readonly #resends: Resends
  /** By cluster: called once its next durable write is acknowledged. */
  readonly #whenDurable = new Map<string, () => void>()
  readonly #undo = new Map<number, () => void>()

  constructor (plan: Plan, trace: Trace) {
    this.limits = limitsOf(plan.limits)
    this.#plan = plan
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
    this.#lookout = new Lookout(this, plan.clusters)
    this.#resends = new Resends(this.coverage, this.limits)
    this.network = new SimNetwork({
      limits: this.limits,
      scheduler: this.scheduler,
      random: this.random.fork('network'),
      maxMessageBytes: plan.maxMessageBytes,
      onSend: message => this.#sent(message)
    })
    this.machines = new Machines(this, plan)
    for (const consumer of plan.consumers) {
      this.consumers.push(
        new ConsumerGroup({
          world: this,
          plan: consumer,
          hosts: () => this.machines.of(consumer.cluster)
        })
      )
    }
    plan.faults.forEach((fault, i) =>
      this.scheduler.at(fault.atMs, `fault ${describeFault(fault)}`, () => this.#fault(i))
    )
    this.#lookout.lookSoon()
  }

  nodesOf (cluster: string): NodeMachine[] {
    return this.machines.nodesOf(cluster)
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

  get expires (): boolean {
    return this.#plan.writes.some(({ kind }) => kind === 'expiring')
  }

  /**
   * Ends every fault, starts everything that should run, and stops the writers. Messages that are
   * under way may still arrive.
   */
  heal (): void {
    this.winding = true
    for (const i of [...this.#undo.keys()]) this.#endFault(i)
    this.network.heal()
    // Wrong clocks are no fault that has to end, unless the run waits for what expires by them.
    if (this.expires) {
      for (const { clock } of this.machines.byName.values()) clock.setRight()
    }
    for (const machine of this.machines.byName.values()) {
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
    this.#lookout.gone(host)
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
    const then = demandOf(op.concern, op.needed).isDurable
      ? this.#whenDurable.get(cluster)
      : undefined
    if (then !== undefined) {
      this.#whenDurable.delete(cluster)
      this.scheduler.after(0, `${cluster} crashes after write ${op.id}`, then)
    }
    try {
      this.#lookout.acknowledged(op, cluster)
    } catch (error) {
      this.#failWith(error)
    }
  }

  hostsOf (cluster: string): readonly Host[] {
    return this.machines.of(cluster)
  }

  replicasOf (cluster: string, cache: string, key: string): HeldRecord[] {
    return replicasOf(this.machines.of(cluster), cache, key)
  }

  reported (host: Host, event: MillpondEvent): void {
    // A loss that is told is one: a store away for too long, or another one under its node's name.
    for (const name of event.type === 'data-lost' ? event.nodes : []) {
      for (const machine of this.machines.byName.values()) {
        if (machine instanceof NodeMachine && machine.nodeName === name) machine.saidLost()
      }
    }
    this.#lookout.reported(host, event)
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

  get heartbeatMs (): number {
    return slowestPace(this.#plan).heartbeatMs
  }
}
