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
    const name = `${machine}-twin${++this.#twins}`
    const cluster = this.#plan.clusters.find(plan => plan.name === original.cluster)
    if (cluster === undefined) return () => {}
    const twin = this.#node(cluster, name, machine)
    twin.wanted = false
    this.byName.set(name, twin)
    twin.start()
    return () => {
      twin.retired = true
      twin.crash()
      twin.lose(0, true)
      this.byName.delete(name)
    }
  }
}
