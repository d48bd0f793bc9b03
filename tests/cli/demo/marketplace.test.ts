/**
 * The made-up marketplace: the same for the same seed, and with the properties its documentation
 * promises.
 */
import { limits } from '../../../engine/limits.js'
import test from 'ava'
import { eventGapMs, marketplaceEvents,
  type MarketplaceEvent } from '../../../cli/demo/marketplace.js'
import { checkFields } from '../../../engine/base/values.js'

const START_MS = Date.UTC(2026, 0, 1)
const OPTIONS = { seed: 42, events: 100_000, items: 10_000, startMs: START_MS }

const events = [...marketplaceEvents(OPTIONS)]

function countBy<T> (values: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

function byTime (some: Iterable<MarketplaceEvent>): MarketplaceEvent[] {
  return [...some].sort((a, b) => a.at - b.at)
}

test('the same seed makes the same events and another one makes others', t => {
  const small = { ...OPTIONS, events: 5000 }
  const first = JSON.stringify([...marketplaceEvents(small)])
  t.is(JSON.stringify([...marketplaceEvents(small)]), first)
  for (const seed of [0, 43, 0xffffffff]) {
    t.not(JSON.stringify([...marketplaceEvents({ ...small, seed })]), first)
  }
})

test('a shorter stream has the events of a longer one with the same seed', t => {
  t.deepEqual(byTime(marketplaceEvents({ ...OPTIONS, events: 500 })), byTime(events).slice(0, 500))
})

test('there are as many events as asked for, and the cache would take each of them', t => {
  t.is(events.length, OPTIONS.events)
  for (const { fields } of events) checkFields(fields, limits)
  t.deepEqual([...marketplaceEvents({ ...OPTIONS, events: 0 })], [])
  t.is([...marketplaceEvents({ ...OPTIONS, events: 10, items: 1 })].length, 10)
})

test('no two events have the same time, and together they cover the time they should', t => {
  t.is(new Set(events.map(({ at }) => at)).size, events.length)
  for (const { at } of events) {
    t.true(Number.isInteger(at) && at >= START_MS && at < START_MS + OPTIONS.events * eventGapMs)
  }
})

test('a few per cent of the events arrive late, and none is lost for it', t => {
  let newest = 0
  let late = 0
  let latestBy = 0
  for (const { at } of events) {
    if (at < newest) late++
    latestBy = Math.max(latestBy, newest - at)
    newest = Math.max(newest, at)
  }
  t.true(late / events.length > 0.02 && late / events.length < 0.04, `${late} late`)
  t.true(latestBy <= 2001 * eventGapMs, `${latestBy} ms late`)
})

test("keys are popular as in Zipf's law", t => {
  const counts = [...countBy(events.map(({ key }) => key)).values()].sort((a, b) => b - a)
  const ratio = counts[0]! / counts[9]!
  t.true(ratio > 6 && ratio < 14, `the first is ${ratio} times as frequent as the tenth`)
  t.true(counts.length > 3000)
})

test('a flash sale draws events to a few items that are rare otherwise', t => {
  const sale = countBy(events.slice(16_500, 19_500).map(({ key }) => key))
  const before = countBy(events.slice(10_000, 16_000).map(({ key }) => key))
  const drawn = [...sale].filter(([key, count]) => count > 100 && (before.get(key) ?? 0) < 30)
  t.true(drawn.length >= 1 && drawn.length <= 3, JSON.stringify(drawn))
})

test('each source writes its own fields and no others', t => {
  const kinds = countBy(events.map(({ fields }) => Object.keys(fields).join(' ')))
  t.deepEqual(
    [...kinds.keys()].sort(),
    ['deleted', 'price discountPercent', 'stock warehouse', 'title seller currency',
      'title seller currency deleted'].sort()
  )
})

test('about one event in 200 delists its item, and a later listing brings it back', t => {
  const delists = events.filter(({ fields }) => fields['deleted'] === true).length / events.length
  t.true(delists > 0.004 && delists < 0.006, String(delists))
  const isDelisted = new Set<string>()
  for (const { key, fields } of byTime(events)) {
    if (fields['title'] !== undefined) {
      t.is(fields['deleted'], isDelisted.delete(key) ? false : undefined)
    }
    if (fields['deleted'] === true) isDelisted.add(key)
  }
})

test('options that make no sense are refused by name', t => {
  for (
    const [name, value] of [['seed', -1], ['seed', 2 ** 32], ['seed', 1.5], ['events', -1], [
      'items',
      0
    ], ['startMs', NaN]] as const
  ) {
    t.throws(() => marketplaceEvents({ ...OPTIONS, [name]: value }).next(), {
      instanceOf: TypeError,
      message: new RegExp(`^${name} must be`)
    })
  }
})
