/**
 * The machines of a world: nodes, spares and clients of every cluster of its plan, and second
 * processes that run by mistake under the name of a node.
 */
import { timingOf, type ClusterPlan, type Plan } from '../plan/plan.js'
import { ClientMachine } from './client-machine.js'
import type { Machine } from './machine.js'
import { NodeMachine } from './node-machine.js'
import type { Surroundings } from './surroundings.js'

/** Clients start later than nodes, so that some of their cluster is there. */
const CLIENT_START_MS = 200

export class Machines {
  readonly byName = new Map<string, Machine>()
  readonly #world: Surroundings
  readonly #plan: Plan
  #twins = 0

  /** Makes the machines, and plans the start of those that take part from the beginning. */
  constructor (world: Surroundings, plan: Plan) {
    this.#world = world
    this.#plan = plan
    for (const cluster of plan.clusters) this.#build(cluster)
  }

  #build (cluster: ClusterPlan): void {
    const { scheduler } = this.#world
    for (const name of [...cluster.nodes, ...cluster.spares]) {
      const machine = this.#node(cluster, name)
      machine.wanted = !cluster.spares.includes(name)
      this.byName.set(name, machine)
      if (machine.wanted) scheduler.at(0, `start ${name}`, () => machine.start())
    }
    for (const name of cluster.clients) {
      const machine = new ClientMachine(this.#world, cluster.name, name, {
        cluster: cluster.name,
        connectTimeoutMs: 1000,
        timing: timingOf(this.#plan, name, true)
      }, Object.keys(cluster.caches))
      this.byName.set(name, machine)
      scheduler.at(CLIENT_START_MS, `start ${name}`, () => machine.start())
    }
  }

  /**
   * Makes a machine for another process under a node's name, which is to run it for good. @returns
   * undefined when the node does not run, or has a rival already
   */
  replace (machine: string, clockByMs: number): NodeMachine | undefined {
    const original = this.byName.get(machine)
    if (!(original instanceof NodeMachine) || !original.up || original.rival !== undefined) {
      return undefined
    }
    const twin = this.#twin(original)
    if (twin === undefined) return undefined
    twin.clock.jump(clockByMs)
    twin.rival = original
    original.rival = twin
    original.wanted = false
    return twin
  }

  #twin (original: NodeMachine): NodeMachine | undefined {
    const name = `${original.name}-twin${++this.#twins}`
    const cluster = this.#plan.clusters.find(plan => plan.name === original.cluster)
    if (cluster === undefined) return undefined
    const twin = this.#node(cluster, name, original.name)
    this.byName.set(name, twin)
    return twin
  }

  #node (cluster: ClusterPlan, name: string, nodeName = name): NodeMachine {
    return new NodeMachine(this.#world, cluster.name, name, {
      cluster: cluster.name,
      caches: cluster.caches,
      expectNodes: cluster.nodes.length,
      timing: timingOf(this.#plan, nodeName, false)
    }, nodeName)
  }

  /** The nodes of a cluster that run, or should run when all is well. */
  nodesOf (cluster: string): NodeMachine[] {
    return [...this.byName.values()].filter((machine): machine is NodeMachine =>
      machine instanceof NodeMachine && machine.cluster === cluster &&
      (machine.wanted || machine.process?.alive === true)
    )
  }

  /** All machines of a cluster, clients included. */
  of (cluster: string): Machine[] {
    return [...this.byName.values()].filter(machine => machine.cluster === cluster)
  }

  /**
   * Starts another process under a node's name, on a machine of its own. @returns a function that
   * ends the process and takes its machine away for good
   */
  startTwin (machine: string): () => void {
    const original = this.byName.get(machine)
    if (!(original instanceof NodeMachine)) return () => {}
    const twin = this.#twin(original)
    if (twin === undefined) return () => {}
    twin.wanted = false
    twin.start()
    return () => {
      twin.retired = true
      twin.crash()
      twin.lose(0, true)
      this.byName.delete(twin.name)
    }
  }
}
