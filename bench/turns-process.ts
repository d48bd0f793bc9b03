/**
 * A process of the turns benchmark (turns.ts): a node that loads, writes and reads without waiting
 * for anything outside it, or a control that does nothing but measure how long it is kept from
 * running.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { openNode, type MillpondNode } from '../index.js'
import { now, TurnMeter, type Gap, type LongestTurn } from './turn-meter.js'

export interface Measured extends LongestTurn {
  readonly work: string
  readonly stretch: Gap
  /** Puts, or records that were read. */
  readonly items: number
}

/** How often the control looks: spinning, it would take the processor that others need. */
const CONTROL_MS = 1
/** Until the observer of the collector has told what it saw. */
const OBSERVED_MS = 100
const FIELDS = 8

const [role = '', dataDir = '', given = '0'] = process.argv.slice(2)
const records = Number(given)

function fieldsOf (i: number): { [name: string]: number | string } {
  const fields: { [name: string]: number | string } = { i }
  for (let f = 1; f < FIELDS; f++) fields[`field${f}`] = `value ${i % 1000} of ${f}`
  return fields
}

function open (): Promise<MillpondNode> {
  return openNode({
    cluster: 'turns',
    name: 'a',
    caches: { c: { shards: 256, groups: 64, replicas: 1, indexes: { i: 'range' } } },
    dataDir
  })
}

async function measure (): Promise<void> {
  const meter = new TurnMeter(0)
  const report = async (work: string, run: () => Promise<number>): Promise<void> => {
    const fromMs = now()
    const items = await run()
    const stretch = { fromMs, toMs: now() }
    await sleep(OBSERVED_MS)
    const measured: Measured = { work, stretch, items, ...meter.longest(stretch) }
    process.send?.(measured)
  }
  let node = await open()
  const put = async (): Promise<number> => {
    const cache = node.cache('c')
    for (let i = 0; i < records; i++) await cache.put(`key-${i}`, fieldsOf(i))
    return records
  }
  await report('awaited puts of new keys', put)
  await report('awaited puts of old keys', put)
  await report('awaited puts of 100 keys', async () => {
    for (let i = 0; i < records; i++) await node.cache('c').put(`key-${i % 100}`, { i })
    return records
  })
  await report('awaited gets', async () => {
    for (let i = 0; i < records; i++) await node.cache('c').get(`key-${i}`)
    return records
  })
  await report('scan', () => countOf(node.cache('c').scan()))
  await report('query', () => countOf(node.cache('c').query({ i: { gte: 0 } })))
  await report('consume', async () => {
    let seen = 0
    for await (const { changes } of node.cache('c').consume({ group: 'g' })) {
      seen += changes.length
      if (seen >= records) break
    }
    return seen
  })
  await node.close()
  await report('load', async () => {
    node = await open()
    return records
  })
  await node.close()
}

async function countOf (all: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of all) count++
  return count
}

async function control (): Promise<void> {
  const meter = new TurnMeter(CONTROL_MS)
  process.on('message', (stretch: Gap) => process.send?.(meter.longest(stretch)))
  process.send?.('ready')
  await once(process, 'disconnect')
}

await (role === 'control' ? control() : measure())
process.exit(0)
