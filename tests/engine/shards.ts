/**
 * Shards for the tests of the engine: ones that remember what they emitted, and a checker that
 * holds every invariant the modules of the engine promise against a shard, Yjs's own view included.
 */
import * as Y from 'yjs'
import { NO_FIELDS, type Entry } from '../../engine/record/entry.js'
import { limits as usual, limitsWith } from '../../engine/limits.js'
import type { EngineEvent } from '../../engine/events.js'
import { claimsOf, entriesOf } from '../../engine/record/record.js'
import { Shard } from '../../engine/shard.js'
import type { Write } from '../../engine/write/write.js'
import { ROOT } from '../../engine/log/update.js'
import type { Fields } from '../../engine/base/values.js'

export interface TestShard extends Shard {
  /** Everything it emitted, in order. */
  readonly deltas: Uint8Array[]
  readonly events: EngineEvent[]
}

export function openShard (incarnation: number): TestShard {
  return openShardWithClock(incarnation, () => 0)
}

export function openSmallChunkedShard (incarnation: number): TestShard {
  return openShardWithClock(incarnation, () => 0, smallChunks)
}

/** @param now the version-time by which fields expire */
export function openShardWithClock (
  incarnation: number,
  now: () => number,
  limits = usual
): TestShard {
  const deltas: Uint8Array[] = []
  const events: EngineEvent[] = []
  const shard = new Shard({
    limits,
    shard: 0,
    incarnation,
    now,
    onDelta: (_, delta) => {
      deltas.push(delta)
    },
    onEvent: event => {
      events.push(event)
    }
  })
  return Object.assign(shard, { deltas, events })
}

/** Logs have chunks of a few entries, and as many chunks as the log of a large shard. */
export const smallChunks = limitsWith({ maxSlotsPerChunk: 4, minHolesToPack: 1 })

export function put (key: string, version: number, fields: Fields, stamp = version): Write {
  return { key, version, stamp, fields }
}

export function del (key: string, version: number, stamp = version): Write {
  return { key, version, stamp, fields: null }
}

export function replace (key: string, version: number, fields: Fields, stamp = version): Write {
  return { key, version, stamp, fields, clears: true }
}

/** All records, deleted ones left out, in a form that compares by value. */
export function dump (shard: Shard): Record<string, Fields> {
  const records: [string, Fields][] = []
  for (const key of shard.index.keys()) {
    const fields = shard.get(key)
    if (fields !== undefined) {
      records.push([key, Object.fromEntries(
        Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1)
      )])
    }
  }
  return Object.fromEntries(records.sort(([a], [b]) => a < b ? -1 : 1))
}

/** Holds the entries of one record against the promises of the modules. */
export function recordProblems (key: string, head: Entry): string[] {
  const problems: string[] = []
  const entries = entriesOf(head)
  const names = entries.flatMap(entry => Object.keys(entry.fields))
  if (new Set(names).size !== names.length) problems.push(`${key}: two entries share a field`)
  if (entries.filter(entry => entry.clears).length > 1) problems.push(`${key}: two entries clear`)
  entries.forEach((entry, i) => {
    const before = entries[i - 1]
    if (before !== undefined && !entry.isLaterThan(before)) {
      problems.push(`${key}: entries out of order`)
    }
    if (entry.clears && entries.slice(0, i).some(older => !older.hasClaims)) {
      problems.push(`${key}: a clear does not hide what is older`)
    }
    if (entry.key !== key) problems.push(`${key}: holds an entry of ${entry.key}`)
    if (!entry.live) problems.push(`${key}: holds a dead entry`)
    if (
      Object.keys(entry.fields).length === 0 && claimsOf(entry).length === 0 &&
      !(entry.clears && entry.fields === NO_FIELDS)
    ) problems.push(`${key}: holds an entry that wins nothing`)
  })
  return problems
}

/**
 * The part of a test that `assertWhole` needs; an ExecutionContext of AVA has it, and programs that
 * are no tests bring their own.
 */
export interface Assertions {
  deepEqual(actual: unknown, expected: unknown, message?: string): unknown
  is(actual: unknown, expected: unknown, message?: string): unknown
}

/** Fails the test unless the shard is whole inside, and Yjs agrees with it. */
export function assertWhole (t: Assertions, shard: Shard): void {
  const problems: string[] = []
  const log = shard.log
  const dots = new Map<string, Entry>()
  for (const [key, head] of shard.index) {
    problems.push(...recordProblems(key, head))
    for (const entry of entriesOf(head)) dots.set(`${entry.incarnation}:${entry.clock}`, entry)
  }
  let logged = 0
  for (const [incarnation, end] of log.stateVector) {
    let previous = -1
    for (const entry of log.live(incarnation, 0)) {
      logged++
      if (entry.incarnation !== incarnation || entry.clock <= previous || entry.clock >= end) {
        problems.push(`entry ${entry.incarnation}:${entry.clock} out of place`)
      }
      if (dots.get(`${incarnation}:${entry.clock}`) !== entry) {
        problems.push(`entry ${incarnation}:${entry.clock} is live in the log only`)
      }
      previous = entry.clock
    }
  }
  if (logged !== dots.size) problems.push(`${dots.size} entries in the index, ${logged} in the log`)
  if (shard.liveEntries !== dots.size) {
    problems.push(`${shard.liveEntries} entries counted as live, ${dots.size} are`)
  }
  problems.push(...yjsProblems(log.doc, log.stateVector))
  t.deepEqual(problems, [])
  assertYjsReads(t, shard)
}

/**
 * A fresh Yjs document that is given the shard's encoding ends with the same state vector and the
 * same live entries.
 */
export function assertYjsReads (t: Assertions, shard: Shard): void {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, shard.encode())
  t.deepEqual(yjsProblems(doc, shard.stateVector), [])
  t.is(doc.getArray(ROOT).length, shard.liveEntries, 'live items in a fresh Yjs document')
}

function yjsProblems (doc: Y.Doc, expected: ReadonlyMap<number, number>): string[] {
  const problems: string[] = []
  if (doc.store.pendingStructs !== null) problems.push('Yjs holds pending structs')
  if (doc.store.pendingDs !== null) problems.push('Yjs holds a pending delete set')
  const found = Y.decodeStateVector(Y.encodeStateVector(doc))
  if (found.size !== expected.size) {
    problems.push(`Yjs knows ${found.size} incarnations, the shard ${expected.size}`)
  }
  for (const [incarnation, clock] of expected) {
    if (found.get(incarnation) !== clock) {
      problems.push(`Yjs ends ${incarnation} at ${found.get(incarnation)}, the shard at ${clock}`)
    }
  }
  return problems
}
