/**
 * The workloads that write. Each is a loop on one host that ends with the process of the host; the
 * next process begins another loop. Keys begin with cluster and cache, so that a key that turns up
 * elsewhere is recognized.
 */
import type { WriteConcern } from '../../replication/deltas/write-concern.js'
import { counters, ownCounter } from './fields/counters.js'
import { expiring, indexed } from './fields/dated.js'
import { ended } from './fields/ended.js'
import { bounds, sequenced } from './fields/ordered.js'
import { reads } from './fields/reads.js'
import { sets } from './fields/sets.js'
import { kept } from './kept.js'
import { START_MS } from '../world/process.js'
import type { Writer } from './writer.js'

/**
 * Virtual milliseconds become microseconds after the date at which simulations begin, with room for
 * a sequence behind them.
 */
const orderAt = (atMs: number, sequence = 0): number =>
  Math.round((atMs - START_MS) * 1000) * 16 + sequence

export interface WritesPlan {
  readonly kind: keyof typeof WRITES
  readonly host: string
  /** Tells workloads of one kind on one host apart. */
  readonly id: number
  readonly cache: string
  readonly pauseMs: number
  readonly keys: number
  /** Default: those of the seed. */
  readonly concerns?: readonly WriteConcern[]
}

type Loop = (writer: Writer, plan: WritesPlan) => Promise<void>

/** Every key is written once, awaited or not. */
const inserts: Loop = async (writer, { id, pauseMs, cache }) => {
  for (let i = 0; writer.going; i++) {
    const padding = writer.random.chance(0.1) ? writer.random.int(10, 600) : 0
    const done = writer.write({
      key: `${writer.host.cluster}.${cache}.u.${id}.${writer.host.life}.${i}`,
      fields: ['a', 'b'],
      order: 0,
      padding
    })
    if (writer.random.chance(0.3)) await done
    else void done
    await writer.sleep(writer.random.between(0, pauseMs * 2))
  }
}

/**
 * Sources set a field each in records they share, with event times that come late and out of order.
 */
const registers: Loop = async (writer, { id, pauseMs, keys, cache }) => {
  while (writer.going) {
    const key = `${writer.host.cluster}.${cache}.r.${writer.random.int(0, keys - 1)}`
    const lateMs = writer.random.chance(0.5) ? 0 : writer.random.between(0, 4000)
    const atMs = eventTime(writer, key, lateMs)
    const field = `price-${id}`
    const first = writer.write({ key, fields: [field], atMs, order: orderAt(atMs) })
    // Of two events of one moment the event written later wins, whichever nodes take them. That
    // holds where one writer owns the field.
    if (writer.random.chance(0.2)) {
      void writer.write({ key, fields: [field], atMs, order: orderAt(atMs, 1) })
    }
    if (writer.random.chance(0.3)) await first
    await writer.sleep(writer.random.between(0, pauseMs * 2))
  }
}

/** A few records that come and go: all hosts write them, at event times that are never equal. */
const revive: Loop = async (writer, { pauseMs, keys, cache }) => {
  while (writer.going) {
    const key = `${writer.host.cluster}.${cache}.d.${writer.random.int(0, keys - 1)}`
    const atMs = eventTime(
      writer,
      key,
      writer.random.chance(0.7) ? 0 : writer.random.between(0, 3000)
    )
    const fields = writer.random.chance(0.4) ? null : writer.random.pick([['x'], ['y'], ['x', 'y']])
    await writer.write({ key, fields, atMs, order: orderAt(atMs) })
    await writer.sleep(writer.random.between(0, pauseMs * 2))
  }
}

/**
 * One record, as fast as it goes. Versions come from the writer's clock, so the writer's order
 * stands.
 */
const hot: Loop = async (writer, { pauseMs, id, cache }) => {
  for (let i = 0; writer.going;) {
    const key = `${writer.host.cluster}.${cache}.h.${id}.${writer.host.life}`
    for (let burst = writer.random.int(1, 20); burst > 0; burst--) {
      void writer.write({
        key,
        fields: writer.random.chance(0.05) ? null : [`f${writer.random.int(0, 2)}`],
        order: i++
      })
    }
    await writer.sleep(writer.random.between(pauseMs, pauseMs * 10))
  }
}

/** Many records at once, some of them large, over and over. */
const bulk: Loop = async (writer, { id, keys, cache }) => {
  for (let round = 0; writer.going; round++) {
    let batch: Array<Promise<unknown>> = []
    for (let i = 0; i < keys * 4 && writer.going; i++) {
      batch.push(
        writer.write({
          key: `${writer.host.cluster}.${cache}.b.${id}.${writer.host.life}.${i}`,
          fields: ['a'],
          order: round,
          padding: writer.random.chance(0.2) ? writer.random.int(0, 3000) : 20
        })
      )
      if (batch.length >= 16) {
        await Promise.all(batch)
        batch = []
      }
    }
    await Promise.all(batch)
    await writer.sleep(writer.random.between(2000, 8000))
  }
}

/**
 * Records to which several hosts each add a field, once. A consumer group that was shown only some
 * of the fields, and is never shown the record again, has missed the others.
 */
const pieces: Loop = async (writer, { id, pauseMs, cache }) => {
  while (writer.going) {
    const key = `${writer.host.cluster}.${cache}.p.${
      Math.floor(writer.world.scheduler.nowMs / 400)
    }`
    const atMs = eventTime(writer, key, 0)
    const done = writer.write({ key, fields: [`side-${id}`], atMs, order: orderAt(atMs) })
    if (writer.random.chance(0.3)) await done
    await writer.sleep(400 + writer.random.between(0, pauseMs))
  }
}

/**
 * One record that is too large in the midst of others: that record alone is refused. Only for
 * worlds in which every write can succeed.
 */
const oversize: Loop = async (writer, { id, pauseMs, cache }) => {
  for (let i = 0; writer.going; i++) {
    const ops = await Promise.all(
      Array.from({ length: 7 }, (_, n) =>
        writer.write({
          key: `${writer.host.cluster}.${cache}.o.${id}.${writer.host.life}.${i}.${n}`,
          fields: ['a'],
          order: 0,
          oversize: n === 3
        }))
    )
    for (const [n, op] of ops.entries()) {
      const expected = n === 3 ? 'unchanged' : 'acked'
      if (op?.outcome !== expected && writer.going) {
        writer.world.fail(
          'an oversize write is refused, and nothing else',
          `${op?.key} is ${op?.outcome}: ${op?.error}`
        )
      }
    }
    await writer.sleep(writer.random.between(0, pauseMs * 2))
  }
}

/** Fields that are more than registers, and reads of them (sim/fields/). */
const FIELDS = { counters, ownCounter, sets, bounds, sequenced, expiring, indexed, ended, reads }

export const WRITES = {
  inserts,
  registers,
  revive,
  hot,
  bulk,
  pieces,
  oversize,
  kept,
  ...FIELDS
} satisfies Record<string, Loop>

/** An event time some time ago by the true clock, which no other event of the key has. */
function eventTime (writer: Writer, key: string, lateMs: number): number {
  const taken = new Set(
    writer.world.model.of(writer.place, key).map(({ order }) => Math.floor(order / 16))
  )
  let atMs = Math.max(
    START_MS,
    Math.round((START_MS + writer.world.scheduler.nowMs - lateMs) * 1000) / 1000
  )
  while (taken.has(Math.floor(orderAt(atMs) / 16))) atMs = Math.round((atMs + 0.001) * 1000) / 1000
  return atMs
}
