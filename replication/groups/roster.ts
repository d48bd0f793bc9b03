/**
 * The stores that hold each placement group of a cache, as far as this node has heard. Where no
 * holder is proven, those on the roster have together what was acknowledged: a node that comes back
 * first waits for them, and a store that is gone for too long is declared lost (SPEC R22).
 *
 *   added    a holder is heard that is past its first fetch, or that took something before it
 *            was; this node is past its own fetch
 *   removed  the store is there and no longer holds the group: it handed the group over
 *            as many holders are ready as there should be: they cover what it had. Fewer in view do
 *            not: the others may be cut off, and go on
 *            it was declared lost, or an operator says so
 *
 * A store is known by an id that it keeps. One in memory lives as long as its process. Where a node
 * of the same name comes back with another store, the old one is lost, and that is known at once.
 *
 * A holder that takes writes while it fetches is on the roster in part: it is waited for, and where
 * there is none but such, the group is as new.
 *
 * The roster is kept in memory, and as text in the store of the node. It is bounded: placement
 * groups times maxRosterStores.
 */
import * as v from '../../engine/base/schema.js'
import type { Clock } from '../../engine/ports.js'
import type { Timing } from '../../engine/timing.js'

export interface StoreIdentity {
  readonly id: string
  /** Whether it outlives its process. */
  readonly durable: boolean
}

/** A store, and the name of the node that has it. */
export interface NodeStore extends StoreIdentity {
  readonly node: string
}

/** A node in view, as the roster sees it: what it has of a placement group. */
export interface RosterNode {
  readonly store: NodeStore
  /**
   * `partial` where it has something, and not what was there before; `empty` where it may have
   * nothing; undefined where it does not hold the group.
   */
  readonly has: (group: number) => 'ready' | 'something' | 'partial' | 'empty' | undefined
}

/** A store on the roster of a placement group. */
interface Holder extends NodeStore {
  /** Whether it never had all of the group, as far as is known here. */
  readonly isPartial: boolean
}

const Places = v.record(v.string(), v.array(v.count))

/** The stores, and per placement group the places among them of those that have it. */
const Saved = v.object({
  stores: v.array(v.tuple([v.string(), v.string(), v.boolean()])),
  groups: Places,
  /** Those that have a part. Releases before it was known leave it out. */
  partial: v.optional(Places)
})

/** A store that is gone, as one node tells another: of a release before it was known no part. */
export type GoneStore = [
  group: number,
  id: string,
  node: string,
  durable: boolean,
  isLost: boolean,
  isPartial: boolean
]

export interface RosterOptions {
  readonly self: NodeStore
  readonly clock: Clock
  readonly timing: Pick<Timing, 'memoryLostAfterMs' | 'diskLostAfterMs'>
  readonly maxStores: number
}

export class Roster {
  readonly #options: RosterOptions
  readonly #groups = new Map<number, Map<string, Holder>>()
  /** Stores that are not in view, and since when, by the monotonic clock. */
  readonly #goneSinceMs = new Map<string, number>()
  /** The stores in view, each with the name of its node. */
  #inView: ReadonlyMap<string, string>
  #changed = false

  constructor (options: RosterOptions) {
    this.#options = options
    this.#inView = new Map([[options.self.id, options.self.node]])
  }

  /**
   * Takes the view as it is now.
   * @param nodes all that run the cache, this one included
   * @param replicas of each placement group
   * @returns whether the roster changed
   */
  look (groups: Iterable<number>, nodes: readonly RosterNode[], replicas: number): boolean {
    this.#changed = false
    const inView = this.#inView = new Map(nodes.map(({ store }) => [store.id, store.node]))
    for (const group of groups) {
      const has = nodes.map(node => [node.store, node.has(group)] as const)
      for (const [store, what] of has) {
        if (what === undefined) this.#remove(group, store.id)
        else if (what !== 'empty') this.#add(group, { ...store, isPartial: what === 'partial' })
      }
      if (has.filter(([, what]) => what === 'ready').length >= replicas) {
        for (const id of [...this.#groups.get(group)?.keys() ?? []]) {
          if (!inView.has(id)) this.#remove(group, id)
        }
      }
    }
    this.#noteGone()
    return this.#changed
  }

  #remove (group: number, id: string): void {
    const stores = this.#groups.get(group)
    if (stores?.delete(id) !== true) return
    this.#changed = true
    if (stores.size === 0) this.#groups.delete(group)
  }

  /** What is known of a store in part does not take back that it had all. */
  #add (group: number, given: Holder): void {
    const stores = this.#groups.get(group) ?? new Map<string, Holder>()
    this.#groups.set(group, stores)
    const known = stores.get(given.id)
    const isPartial = given.isPartial && known?.isPartial !== false
    if (known?.node === given.node && known.isPartial === isPartial) return
    this.#changed = true
    stores.set(given.id, { ...given, isPartial })
    if (stores.size > this.#options.maxStores) this.#makeRoom(group, stores)
  }

  /**
   * Only nodes that come and go within one failure timeout can bring a roster to its bound. What is
   * lost already goes first, and what is in view last: that one is heard again.
   */
  #makeRoom (group: number, stores: ReadonlyMap<string, Holder>): void {
    const others = [...stores.values()].filter(({ id }) => id !== this.#options.self.id)
    const gone = others.filter(({ id }) => this.#inView.get(id) === undefined)
    const [goes] = [...gone.filter(store => this.#isLost(store)), ...gone, ...others]
    if (goes !== undefined) this.#remove(group, goes.id)
  }

  #noteGone (): void {
    const inView = this.#inView
    const names = new Set(inView.values())
    const nowMs = this.#options.clock.monotonicMs()
    const known = new Map([...this.#groups.values()].flatMap(stores => [...stores]))
    for (const id of this.#goneSinceMs.keys()) {
      if (!known.has(id) || inView.has(id)) this.#goneSinceMs.delete(id)
    }
    for (const [id, { node }] of known) {
      if (inView.has(id)) continue
      if (names.has(node)) this.#goneSinceMs.set(id, -Infinity)
      else if (!this.#goneSinceMs.has(id)) this.#goneSinceMs.set(id, nowMs)
    }
  }

  /** The stores of a group that are not in view, and may come back. */
  missing (group: number): NodeStore[] {
    return this.#gone(group).filter(store => !this.#isLost(store))
  }

  /** The stores of a group that will not come back. */
  lost (group: number): NodeStore[] {
    return this.#gone(group).filter(store => this.#isLost(store))
  }

  /** The stores of a group that are not in view, as they are told to another node. */
  goneOf (group: number): GoneStore[] {
    return this.#gone(group).map(
      store => [group, store.id, store.node, store.durable, this.#isLost(store), store.isPartial]
    )
  }

  /**
   * Another node says that a store had a group and is gone.
   * @returns whether the roster changed
   */
  learn ([group, id, node, durable, isLost, isPartial]: GoneStore): boolean {
    this.#changed = false
    this.#add(group, { id, node, durable, isPartial })
    this.#noteGone()
    if (isLost && this.#goneSinceMs.has(id)) this.#goneSinceMs.set(id, -Infinity)
    return this.#changed
  }

  /** Whether this node's store alone has had the group. */
  isOwn (group: number): boolean {
    const stores = this.#groups.get(group)
    return stores?.size === 1 && stores.get(this.#options.self.id)?.isPartial === false
  }

  /** Whether no store is known to have had all of the group. */
  isNew (group: number): boolean {
    return [...this.#groups.get(group)?.values() ?? []].every(({ isPartial }) => isPartial)
  }

  #gone (group: number): Holder[] {
    return [...this.#groups.get(group)?.values() ?? []].filter(({ id }) =>
      this.#goneSinceMs.has(id) && id !== this.#options.self.id
    )
  }

  #isLost ({ id, durable }: NodeStore): boolean {
    const { clock, timing: { diskLostAfterMs, memoryLostAfterMs } } = this.#options
    const goneMs = clock.monotonicMs() - (this.#goneSinceMs.get(id) ?? Infinity)
    return goneMs >= (durable ? diskLostAfterMs : memoryLostAfterMs)
  }

  /** The loss of stores was declared: nothing waits for them any more. */
  forget (group: number, stores: readonly NodeStore[]): void {
    for (const { id } of stores) this.#remove(group, id)
  }

  /**
   * An operator says that a store will not come back, by its id or the name of its node.
   * @returns the stores that this is said of
   */
  giveUp (named: string): NodeStore[] {
    const stores = new Map([...this.#groups.values()].flatMap(of => [...of]))
    const given = [...stores.values()].filter(({ id, node }) =>
      (id === named || node === named) && this.#goneSinceMs.has(id)
    )
    for (const { id } of given) this.#goneSinceMs.set(id, -Infinity)
    return given
  }

  text (): string {
    const stores = new Map([...this.#groups.values()].flatMap(of => [...of]))
    const places = new Map([...stores.keys()].map((id, place) => [id, place]))
    const those = (isPartial: boolean) => {
      const having: Record<string, Array<number | undefined>> = {}
      for (const [group, of] of this.#groups) {
        const ids = [...of.values()].filter(each => each.isPartial === isPartial)
        if (ids.length > 0) having[group] = ids.map(({ id }) => places.get(id))
      }
      return having
    }
    return JSON.stringify({
      stores: [...stores.values()].map(({ id, node, durable }) => [id, node, durable]),
      groups: those(false),
      partial: those(true)
    })
  }

  /** Takes what an earlier life of the node wrote; a text that cannot be read is none. */
  load (text: string | undefined): void {
    let saved: unknown
    try {
      saved = JSON.parse(text ?? '')
    } catch {
      return
    }
    const parsed = v.safeParse(Saved, saved)
    if (!parsed.success) return
    const { stores, groups, partial = {} } = parsed.output
    for (const [of, isPartial] of [[groups, false], [partial, true]] as const) {
      for (const [group, places] of Object.entries(of)) {
        for (const place of places) {
          const [id, node, durable] = stores[place] ?? []
          if (id === undefined || node === undefined || durable === undefined) continue
          // A store in memory did not outlive its process. Whether that one lives will be heard.
          this.#add(Number(group), { id, node, durable, isPartial })
        }
      }
    }
    this.#noteGone()
  }
}
