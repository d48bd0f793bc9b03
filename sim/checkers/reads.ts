/**
 * At rest all ways to read agree, on every node and client. scan and getMany give the records that
 * the replicas hold. A query gives the records among them that meet its conditions, as checked by
 * hand (SPEC E20).
 */
import { isDeepStrictEqual } from 'node:util'
import type { Where } from '../../engine/query/query.js'
import type { Fields } from '../../engine/base/values.js'
import type { Cache } from '../../node/cache/cache.js'
import { strangersTo } from '../fields/matching.js'
import type { Machine } from '../world/machine.js'
import type { Scheduler } from '../world/scheduler.js'
import { Violation } from '../violation.js'
import { COUNTRIES } from '../workloads/fields/dated.js'

/** So long may it take to read everything once, while no fault lasts. */
const PATIENCE_MS = 20_000
const KEYS_AT_ONCE = 50

/** The queries: by each index, by both, and for records that do not exist. */
const QUERIES: readonly Where[] = [
  ...COUNTRIES.map(country => ({ country })),
  { price: { gte: 10, lt: 30 } },
  { price: { gte: 0 } },
  { country: COUNTRIES[0] as string, price: { lt: 25 } },
  { country: 'nowhere' }
]

/** @param records by key, as the replicas hold them */
export async function checkReads (
  machine: Machine,
  cacheName: string,
  records: ReadonlyMap<string, Fields>,
  queries: boolean,
  scheduler: Scheduler
): Promise<void> {
  const cache = machine.cacheOf?.(cacheName)
  if (cache === undefined || machine.process === undefined) return
  let ended = false
  let problem: unknown
  machine.process.enter(() => {
    void readAll(cache, records, queries).catch((error: unknown) => {
      problem = error
    }).finally(() => {
      ended = true
    })
  })
  const deadlineMs = scheduler.nowMs + PATIENCE_MS
  await scheduler.run(() => ended || scheduler.nowMs >= deadlineMs)
  if (!ended) {
    throw new Violation(
      'reads at rest are answered',
      `${machine.name} still reads ${cacheName} after ${PATIENCE_MS} ms`
    )
  }
  if (problem !== undefined) {
    throw new Violation(
      'every way to read tells the same',
      `${machine.name}: ${
        problem instanceof Error ? problem.stack ?? problem.message : String(problem)
      }`
    )
  }
}

async function readAll (
  cache: Cache,
  records: ReadonlyMap<string, Fields>,
  queries: boolean
): Promise<void> {
  const scanned = new Map<string, Fields>()
  for await (const { key, fields } of cache.scan()) scanned.set(key, fields)
  compare('a scan', scanned, records)
  const keys = [...records.keys()]
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const some = keys.slice(at, at + KEYS_AT_ONCE)
    const found = await cache.getMany(some)
    compare(
      'getMany',
      new Map(some.flatMap((key, i) => found[i] === undefined ? [] : [[key, found[i]]])),
      new Map(some.map(key => [key, records.get(key) as Fields]))
    )
  }
  for (const where of queries ? QUERIES : []) {
    const found = new Map<string, Fields>()
    for await (const { key, fields } of cache.query(where)) {
      if (found.has(key)) throw new Error(`the query ${JSON.stringify(where)} gives ${key} twice`)
      found.set(key, fields)
    }
    compare(
      `the query ${JSON.stringify(where)}`,
      found,
      new Map([...records].filter(([, fields]) => strangersTo(fields, where) === null))
    )
  }
}

function compare (
  what: string,
  found: ReadonlyMap<string, Fields>,
  expected: ReadonlyMap<string, Fields>
): void {
  for (const [key, fields] of expected) {
    if (!found.has(key)) throw new Error(`${what} lacks ${key}`)
    if (!isDeepStrictEqual({ ...found.get(key) }, { ...fields })) {
      throw new Error(
        `${what} gives ${key} as ${JSON.stringify(found.get(key))}, replicas hold ${
          JSON.stringify(fields)
        }`
      )
    }
  }
  for (const key of found.keys()) {
    if (!expected.has(key)) throw new Error(`${what} gives ${key}, which does not belong there`)
  }
}
