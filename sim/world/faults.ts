/** How each kind of fault changes the world, and how it ends. */
import type { Fault } from '../plan/plan.js'
import type { HostileMessages } from '../hostile/hostile.js'
import type { Machine } from './machine.js'
import type { Machines } from './machines.js'
import { NodeMachine } from './node-machine.js'
import type { SimRandom } from '../random.js'
import type { Surroundings } from './surroundings.js'

/** A connection that does not read for so long is cut by its server. */
const SLOW_CONSUMER_MS = 2000

/** The world as faults see it: more of it than machines do. */
export interface Stage extends Surroundings {
  readonly machines: Machines
  readonly hostile: HostileMessages
  /**
   * Calls back once, when the next write of the cluster was acknowledged as durable; the returned
   * function calls that off.
   */
  onDurable(cluster: string, then: () => void): () => void
}

/** Starts a fault. @returns a function that ends it, for faults that do not end by themselves */
export function applyFault (
  stage: Stage,
  fault: Fault,
  random: SimRandom
): (() => void) | undefined {
  const { network, scheduler } = stage
  switch (fault.kind) {
    case 'links': {
      const before = network.links.faults
      network.links.faults = fault.links
      return () => {
        network.links.faults = before
      }
    }
    case 'partition':
      return cut(stage, fault)
    case 'clog':
      network.links.clog(fault.from, fault.to, scheduler.nowMs + fault.forMs)
      return undefined
    case 'break':
      network.breakConnections(fault.machine, fault.silentMs, fault.forMs)
      return undefined
    case 'crash':
      return crash(stage, fault)
    case 'crash-all':
      return crashAll(stage, fault.cluster)
    case 'crash-at-ack': {
      let end: (() => void) | undefined
      const unarm = stage.onDurable(fault.cluster, () => {
        stage.coverage.hit('crash-at-ack')
        end = crashAll(stage, fault.cluster)
        const unlucky = fault.wiped === undefined ? undefined : machineOf(stage, fault.wiped)
        if (unlucky instanceof NodeMachine) {
          stage.coverage.hit('crash-at-ack wiped')
          for (const disk of unlucky.disks.values()) disk.wipe()
          unlucky.lose(0, true)
        }
      })
      return () => {
        unarm()
        end?.()
      }
    }
    case 'pause':
      pause(stage, fault.machine, fault.forMs)
      return undefined
    case 'stall': {
      for (let atMs = 0; atMs < fault.forMs; atMs += random.between(50, 400)) {
        later(
          stage,
          atMs,
          `stall ${fault.machine}`,
          () => machineOf(stage, fault.machine).process?.pause(random.between(20, 300))
        )
      }
      return undefined
    }
    case 'flap':
      return flap(stage, fault, random)
    case 'slow-disk':
    case 'full-disk': {
      const machine = machineOf(stage, fault.machine)
      const disks = machine instanceof NodeMachine ? [...machine.disks.values()] : []
      for (const disk of disks) {
        if (fault.kind === 'full-disk') disk.full = true
        else disk.latencyMs = [20, 600]
      }
      return () => {
        for (const disk of disks) {
          disk.full = false
          disk.latencyMs = [0.2, 2]
        }
      }
    }
    case 'copy-disk': {
      const machine = machineOf(stage, fault.machine)
      if (machine instanceof NodeMachine) {
        for (const disk of machine.disks.values()) disk.takeCopy(scheduler.nowMs)
      }
      return undefined
    }
    case 'clock-jump':
      machineOf(stage, fault.machine).clock.jump(fault.byMs)
      return undefined
    case 'clock-skew': {
      const { clock } = machineOf(stage, fault.machine)
      clock.skew(fault.rate)
      return () => clock.skew(1)
    }
    case 'clock-freeze': {
      const { clock } = machineOf(stage, fault.machine)
      clock.freeze()
      return () => clock.thaw()
    }
    case 'leave': {
      const machine = machineOf(stage, fault.machine)
      if (machine instanceof NodeMachine) machine.leave()
      return () => machine.start()
    }
    case 'join': {
      const machine = machineOf(stage, fault.machine)
      machine.start()
      return () => {
        if (!(machine instanceof NodeMachine)) return
        // The machine never comes back. Writes acknowledged by it alone are gone with it, as after
        // a crash for good.
        machine.lose(0, true)
        machine.leave()
      }
    }
    case 'twin':
      return stage.machines.startTwin(fault.machine)
    case 'replace':
      return replace(stage, fault, random)
    case 'hostile': {
      for (let left = fault.messages; left > 0; left--) {
        later(stage, random.between(0, fault.forMs), 'hostile', () => stage.hostile.send())
      }
      return undefined
    }
  }
}

function cut (
  { network }: Stage,
  { from: side, to: others, oneWay }: Omit<
    Extract<Fault, { kind: 'partition' }>,
    'kind' | 'atMs' | 'forMs'
  >
): () => void {
  const pairs = side.flatMap(from =>
    others.flatMap(to =>
      oneWay ? [[from, to] as const] : [[from, to] as const, [to, from] as const]
    )
  )
  for (const [from, to] of pairs) network.links.cut(from, to)
  return () => {
    for (const [from, to] of pairs) network.links.mend(from, to)
  }
}

function pause (stage: Stage, machine: string, forMs: number): void {
  machineOf(stage, machine).process?.pause(forMs)
  if (forMs <= SLOW_CONSUMER_MS) return
  later(
    stage,
    SLOW_CONSUMER_MS,
    `${machine} is cut off`,
    () => stage.network.breakConnections(machine, forMs - SLOW_CONSUMER_MS, 100)
  )
}

/** The other process starts meanwhile, on a machine that the first one does not hear. */
function replace (
  stage: Stage,
  { machine: name, forMs, isCut, clockByMs }: Extract<Fault, { kind: 'replace' }>,
  random: SimRandom
): (() => void) | undefined {
  const { machines } = stage
  const twin = machines.replace(name, clockByMs)
  if (twin === undefined) return undefined
  const others = [...machines.byName.keys()].filter(other => other !== name)
  const mend = isCut ? cut(stage, { from: [name], to: others, oneWay: false }) : undefined
  if (!isCut) pause(stage, name, forMs)
  later(stage, random.between(0, forMs / 3), `start ${twin.name}`, () => twin.start())
  return () => {
    mend?.()
    twin.start()
  }
}

function crashAll (stage: Stage, cluster: string): () => void {
  const victims = [...stage.machines.byName.values()].filter(machine =>
    machine.cluster === cluster && machine instanceof NodeMachine && machine.process?.alive === true
  )
  for (const machine of victims) machine.crash()
  return () => {
    for (const machine of victims) machine.start()
  }
}

function crash (
  stage: Stage,
  { machine: name, disk }: Extract<Fault, { kind: 'crash' }>
): () => void {
  const machine = machineOf(stage, name)
  machine.crash()
  if (machine instanceof NodeMachine && disk !== 'kept') {
    let fromMs = 0
    for (const ofCache of machine.disks.values()) {
      if (disk === 'bit-flip' && ofCache.flipBit()) stage.coverage.hit('bit-flip')
      if (disk === 'old-copy') {
        fromMs = ofCache.restoreCopy()
        stage.coverage.hit('old-copy')
      }
      if (disk === 'wiped') ofCache.wipe()
    }
    machine.lose(fromMs, true)
  }
  return () => machine.start()
}

/** Seen and not seen: long enough gone to be given up, long enough back to be taken in. */
function flap (
  stage: Stage,
  { machine, forMs }: Extract<Fault, { kind: 'flap' }>,
  random: SimRandom
): () => void {
  const others = [...stage.machines.byName.keys()].filter(name => name !== machine)
  const { network } = stage
  for (let atMs = 0; atMs < forMs;) {
    const awayMs = random.between(200, 900)
    later(stage, atMs, `${machine} is away`, () => {
      for (const other of others) network.links.cut(machine, other)
    })
    later(stage, atMs + awayMs, `${machine} is back`, () => {
      for (const other of others) network.links.mend(machine, other)
    })
    atMs += awayMs + random.between(50, 600)
  }
  return () => {
    for (const other of others) network.links.mend(machine, other)
  }
}

function machineOf (stage: Stage, name: string): Machine {
  const machine = stage.machines.byName.get(name)
  if (machine === undefined) throw new TypeError(`there is no machine ${name}`)
  return machine
}

/** A later step of a fault, unless the world is healed by then. */
function later (stage: Stage, delayMs: number, label: string, run: () => void): void {
  stage.scheduler.after(delayMs, label, () => {
    if (!stage.winding) run()
  })
}
