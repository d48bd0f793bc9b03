/**
 * The longest turns of a node's event loop, during which no timer and no message is served: under
 * awaited writes and reads that never wait for anything outside, and while a store is loaded.
 * Beside it runs a control process that does nothing: how long that one is kept from running is the
 * machine's doing. Of each turn its own time is told apart, without the collector and without the
 * time in which other processes had the processor.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from './engine-rounds.js'
import { atMost, short, table, type Target } from './measure.js'
import type { LongestTurn } from './turn-meter.js'
import type { Measured } from './turns-process.js'

const RECORDS = 200_000
const QUICK_RECORDS = 2_000
const MOST_MS = 50

export interface TurnRow extends LongestTurn {
  readonly work: string
  readonly items: number
  readonly itemsPerSecond: number
  /** The longest that the control process was kept from running meanwhile. */
  readonly controlMs: number
}

export interface TurnsReport {
  readonly suite: 'turns'
  readonly node: string
  readonly quick: boolean
  readonly records: number
  readonly rows: readonly TurnRow[]
  readonly targets: readonly Target[]
  readonly pass: boolean
}

export async function runTurns (quick: boolean): Promise<TurnsReport> {
  const records = quick ? QUICK_RECORDS : RECORDS
  const dataDir = await mkdtemp(join(tmpdir(), 'millpond-turns-'))
  const control = start('control', dataDir, records)
  await once(control, 'message')
  const node = start('node', dataDir, records)
  const rows: TurnRow[] = []
  try {
    for await (const measured of measuredBy(node)) {
      control.send(measured.stretch)
      const [pauses] = await once(control, 'message') as [LongestTurn]
      rows.push(rowOf(measured, pauses))
    }
  } finally {
    for (const child of [node, control]) child.kill()
    await rm(dataDir, { recursive: true, force: true })
  }
  const targets = quick ?
    [] :
    rows.map(({ work, ownMs }) => atMost(`longest turn, ${work}, ms`, ownMs, MOST_MS))
  const pass = targets.every(target => target.pass)
  return { suite: 'turns', node: process.version, quick, records, rows, targets, pass }
}

function start (role: string, dataDir: string, records: number): ChildProcess {
  return fork(
    fileURLToPath(new URL('./turns-process.ts', import.meta.url)),
    [role, dataDir, String(records)],
    { execArgv: [...NODE_FLAGS, ...process.execArgv] }
  )
}

/** @throws Error when the process fails */
async function* measuredBy (node: ChildProcess): AsyncGenerator<Measured, void, undefined> {
  const told: Measured[] = []
  let wake: () => void = () => {}
  let status: number | null | undefined
  node.on('message', (measured: Measured) => {
    told.push(measured)
    wake()
  })
  node.on('exit', code => {
    status = code
    wake()
  })
  for (;;) {
    yield* told.splice(0)
    if (status !== undefined) break
    await new Promise<void>(resolve => {
      wake = resolve
    })
  }
  if (status !== 0) throw new Error(`the measured process ended with status ${status}`)
}

function rowOf (
  { work, stretch, items, wholeMs, ownMs }: Measured,
  { wholeMs: controlMs }: LongestTurn
): TurnRow {
  const itemsPerSecond = items * 1000 / (stretch.toMs - stretch.fromMs)
  return { work, items, itemsPerSecond, wholeMs, ownMs, controlMs }
}

export function turnsTable ({ node, records, rows }: TurnsReport): string {
  return [
    `Longest turns of the event loop, Node ${node}: ${short(records)} records, milliseconds`,
    table([
      ['', 'longest', 'own', 'control', 'per second'],
      ...rows.map((
        { work, wholeMs, ownMs, controlMs, itemsPerSecond }
      ) => [work, short(wholeMs), short(ownMs), short(controlMs), short(itemsPerSecond)])
    ])
  ].join('\n')
}
