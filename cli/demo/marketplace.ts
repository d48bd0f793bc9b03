/**
 * A made-up marketplace as a stream of events, for demonstrations, load and tests: the same seed
 * gives the same events, everywhere.
 *
 *   who writes   three sources that each own their fields and know nothing of each other: prices
 *                (`price`, `discountPercent`), stock (`stock`, `warehouse`) and listings (`title`,
 *                `seller`, `currency`)
 *   which keys   item popularity is Zipf-like: the r-th most popular item is chosen with weight
 *                1/r. Now and then a flash sale draws a good part of all events to a few items for
 *                a while
 *   when         event times advance by `eventGapMs` on average, and no two events have the same
 *                one, so that which write is the newest never depends on how a tie is broken. A few
 *                per cent of the events arrive late, behind up to MAX_LATE_BY others, with the
 *                event time they happened at
 *   deletes      about one event in 200 delists its item: `{ deleted: true }`. The item's next
 *                listing, if there is one, brings it back with `deleted: false`
 *
 * Memory: nine bytes per item, plus the events on their way. pure-rand is imported here and nowhere
 * else.
 */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { mersenne } from 'pure-rand/generator/mersenne'
import type { Fields } from '../../engine/base/values.js'

/** Average distance of two events in event time. A stream covers about `events * eventGapMs`. */
export const eventGapMs = 5

const LATE_SHARE = 0.03
const MAX_LATE_BY = 2000
const DELIST_SHARE = 0.005
const PRICE_SHARE = 0.4
const STOCK_SHARE = 0.4
const SALE_EVERY_EVENTS = 20_000
const SALE_EVENTS = 4_000
const SALE_ITEMS = 3
const SALE_SHARE = 0.3

const WAREHOUSES = ['ams', 'fra', 'lyo', 'waw', 'mad'] as const
const CURRENCIES = ['EUR', 'GBP', 'PLN'] as const
const ADJECTIVES = ['blue', 'folding', 'vintage', 'quiet', 'heavy', 'pocket', 'solar',
  'wooden'] as const
const NOUNS = ['lantern', 'kettle', 'bicycle', 'headphones', 'desk', 'tent', 'watch',
  'blender'] as const
const SELLERS = 500

export interface MarketplaceOptions {
  /** A 32-bit unsigned integer. */
  readonly seed: number
  /** How many events to make. */
  readonly events: number
  /** How many different items there are. */
  readonly items: number
  /** Event time of the beginning. */
  readonly startMs: number
}

export interface MarketplaceEvent {
  readonly key: string
  readonly fields: Fields
  /** Event time in milliseconds since 1970. */
  readonly at: number
}

/** @throws TypeError when an option is not a number that makes sense */
export function* marketplaceEvents (
  { seed, events, items, startMs }: MarketplaceOptions
): Generator<MarketplaceEvent> {
  assertInteger('seed', seed, 0, 0xffffffff)
  assertInteger('events', events, 0, Number.MAX_SAFE_INTEGER)
  assertInteger('items', items, 1, 10_000_000)
  assertInteger('startMs', startMs, 0, Number.MAX_SAFE_INTEGER)
  const market = new Market(seed, items)
  /** Late events by the turn in which they arrive, modulo the size: none is later than that. */
  const late: MarketplaceEvent[][] = Array.from({ length: MAX_LATE_BY + 1 }, () => [])
  for (let turn = 0; turn < events + MAX_LATE_BY; turn++) {
    const arriving = late[turn % late.length]!
    yield* arriving
    arriving.length = 0
    if (turn >= events) continue
    // Each event has its own span of event time, so two can never have the same.
    const event = market.event(turn, startMs + turn * eventGapMs + market.below(eventGapMs))
    const lateBy = market.chance(LATE_SHARE) ? 1 + market.below(MAX_LATE_BY) : 0
    if (lateBy === 0) yield event
    else late[(turn + lateBy) % late.length]!.push(event)
  }
}

class Market {
  readonly #random: () => number
  readonly #items: number
  /** Sum of the weights of the items up to each rank. */
  readonly #weights: Float64Array
  readonly #isDelisted: Uint8Array
  #onSale: number[] = []

  constructor (seed: number, items: number) {
    // Of pure-rand's generators the one whose seeding sets even neighbouring seeds far apart.
    const generator = mersenne(seed)
    this.#random = () => uniformFloat64(generator)
    this.#items = items
    this.#weights = new Float64Array(items)
    this.#isDelisted = new Uint8Array(items)
    let sum = 0
    for (let rank = 0; rank < items; rank++) this.#weights[rank] = sum += 1 / (rank + 1)
  }

  /** An integer from 0 up to, but not including, `end`. */
  below (end: number): number {
    return Math.floor(this.#random() * end)
  }

  chance (share: number): boolean {
    return this.#random() < share
  }

  event (turn: number, at: number): MarketplaceEvent {
    if (turn % SALE_EVERY_EVENTS === 0) {
      this.#onSale = Array.from({ length: SALE_ITEMS }, () => this.below(this.#items))
    }
    const isSale = turn % SALE_EVERY_EVENTS >= SALE_EVERY_EVENTS - SALE_EVENTS &&
      this.chance(SALE_SHARE)
    const item = isSale ? this.#pick(this.#onSale) : this.#popularItem()
    return { key: `item-${String(item).padStart(7, '0')}`, fields: this.#fields(item, isSale), at }
  }

  #fields (item: number, isSale: boolean): Fields {
    if (this.chance(DELIST_SHARE)) {
      this.#isDelisted[item] = 1
      return { deleted: true }
    }
    const source = this.#random()
    if (source < PRICE_SHARE) return this.#priceFields(item, isSale)
    if (source < PRICE_SHARE + STOCK_SHARE) {
      return { stock: this.below(isSale ? 20 : 1000), warehouse: this.#pick(WAREHOUSES) }
    }
    const listing = {
      title: `${this.#pick(ADJECTIVES)} ${NOUNS[item % NOUNS.length]}`,
      seller: `seller-${this.below(SELLERS)}`,
      currency: CURRENCIES[item % CURRENCIES.length]!
    }
    if (this.#isDelisted[item] === 0) return listing
    this.#isDelisted[item] = 0
    return { ...listing, deleted: false }
  }

  #priceFields (item: number, isSale: boolean): Fields {
    const discountPercent = isSale ? 30 + this.below(41) : this.chance(0.1) ? 5 + this.below(16) : 0
    const fullCents = 199 + (item * 7919) % 20_000 + this.below(200)
    return { price: Math.round(fullCents * (100 - discountPercent) / 100) / 100, discountPercent }
  }

  /** The item of the first rank whose sum of weights lies beyond a random share of them all. */
  #popularItem (): number {
    const weights = this.#weights
    const target = this.#random() * weights[this.#items - 1]!
    let low = 0
    let high = this.#items - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (weights[middle]! > target) high = middle
      else low = middle + 1
    }
    return low
  }

  #pick<T> (choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }
}

function assertInteger (name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new TypeError(`${name} must be an integer from ${min} to ${max}, got ${value}`)
  }
}
