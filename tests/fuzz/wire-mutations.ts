/**
 * Updates that are well formed where a forger wants them to be, and lie in one place: clocks,
 * incarnations, origins, counts, lengths, kinds, delete sets. Bytes changed blindly hardly ever get
 * past the first check; these reach the last.
 */
import type { SimRandom } from '../../sim/random.js'
import { drawIncarnation, type Material, type Mutation } from './world.js'
import { readWire, structAt, updateOf, writeWire, type WireSpan, type WireStruct,
  type WireUpdate } from './wire.js'

/** Numbers at which something ends. */
const EDGES = [0, 1, 2, 127, 128, 4095, 4096, 4097, 2 ** 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1,
  2 ** 32, 2 ** 40, 2 ** 48 - 1, 2 ** 48, 2 ** 48 + 1, Number.MAX_SAFE_INTEGER - 1,
  Number.MAX_SAFE_INTEGER, NaN]

export function near (random: SimRandom, number: number): number {
  return random.chance(0.5) ? random.pick(EDGES) : Math.max(0, number + random.int(-2, 2))
}

const anyIncarnation = ({ random, own, writers }: Material): number =>
  random.pick([own, ...writers, drawIncarnation(random), near(random, own)])

type Bend = (wire: WireUpdate, material: Material, span: WireSpan, struct: WireStruct) => void

function bent (name: string, bend: Bend): Mutation {
  return {
    name,
    mutate (material) {
      const { random, updates } = material
      const wire = readWire(random.pick(updates))
      const span = wire.spans.length === 0
        ? { incarnation: drawIncarnation(random), clock: 0, structs: [structAt(1, 0, 1)] }
        : random.pick(wire.spans)
      bend(wire, material, span, random.pick(span.structs))
      return writeWire(wire)
    }
  }
}

/** Origins as a writer would have written them, so that only what was bent before is wrong. */
function mend (span: WireSpan): void {
  let clock = span.clock
  span.structs = span.structs.map(struct => {
    const mended = {
      ...struct,
      ...structAt(
        span.incarnation,
        clock,
        struct.entries?.map(({ bytes }) => bytes) ?? struct.length
      )
    }
    clock += mended.length
    return mended
  })
}

export const wireMutations: readonly Mutation[] = [
  bent('a clock forged', (_, { random }, span) => {
    span.clock = near(random, span.clock)
  }),
  bent('a clock forged, origins mended', (_, { random }, span) => {
    span.clock = near(random, span.clock)
    mend(span)
  }),
  bent('an incarnation forged', (_, material, span) => {
    span.incarnation = anyIncarnation(material)
  }),
  bent('an incarnation forged, origins mended', (_, material, span) => {
    span.incarnation = anyIncarnation(material)
    mend(span)
  }),
  bent('an origin forged', (_, { random, writers }, span, struct) => {
    struct.origin = [random.pick([span.incarnation, ...writers]), near(random, span.clock)]
  }),
  bent('an origin taken away or put in', (_, { random }, span, struct) => {
    struct.origin = struct.origin === null ? [span.incarnation, near(random, 0)] : null
    if (random.chance(0.5)) struct.info ^= 0x80
  }),
  bent('another parent', (_, { random }, span, struct) => {
    Object.assign(struct, {
      info: struct.info & 0x7f,
      origin: null,
      parent: random.pick<WireStruct['parent']>([[1, 'log'], [1, 'other'], [1, ''], [1,
        'log'.repeat(1000)], [0, span.incarnation, 0]])
    })
  }),
  bent('a struct of another kind', (_, { random }, __, struct) => {
    struct.info = random.chance(0.5) ? random.int(0, 255) : (struct.info & 0xe0) | random.int(0, 31)
  }),
  bent('a length forged', (_, { random }, __, struct) => {
    struct.length = near(random, struct.length)
  }),
  bent('the number of structs forged', (_, { random }, span) => {
    span.count = near(random, span.structs.length)
  }),
  bent('the number of incarnations forged', (wire, { random }) => {
    wire.count = near(random, wire.spans.length)
  }),
  bent('a delete set', (wire, { random, writers }) => {
    wire.deletes = random.pick([[1, random.pick(writers), 1, 0, near(random, 5)], [near(random, 1)],
      [2, ...writers.slice(0, 2).flatMap(writer => [writer, 1, 0, 1])]])
  }),
  bent('structs in another order', (_, { random }, span) => {
    span.structs = random.shuffle(span.structs)
  }),
  bent('structs repeated', (_, { random }, span) => {
    span.structs.push(...span.structs.slice(random.int(0, 2)))
  }),
  bent('structs repeated, origins mended', (_, __, span) => {
    span.structs.push(...span.structs)
    mend(span)
  }),
  bent('incarnations in another order', (wire, { random }) => {
    wire.spans = random.shuffle(wire.spans)
  }),
  bent('an incarnation twice', (wire, _, span) => {
    wire.spans.push(span)
  }),
  bent('live entries called superseded', (_, __, span, struct) => {
    Object.assign(struct, { info: (struct.info & 0x80) | 1, entries: null })
    mend(span)
  }),
  bent('entries left out', (_, { random }, span, struct) => {
    struct.entries = struct.entries === null ? null : random.some(struct.entries, 0.5)
    if (random.chance(0.5)) mend(span)
  }),
  bent('entries of another type', (_, { random }, __, struct) => {
    for (const entry of struct.entries ?? []) {
      if (random.chance(0.5)) entry.type = random.int(110, 130)
    }
  }),
  {
    name: "a continuation made of another writer's entries",
    mutate ({ random, updates, seen, writers, own }) {
      const entries = readWire(random.pick(updates)).spans.flatMap(({ structs }) => structs)
        .flatMap(({ entries: some }) => some ?? []).map(({ bytes }) => bytes)
      const incarnation = random.pick([...writers, drawIncarnation(random), own])
      return updateOf(
        incarnation,
        seen.get(incarnation) ?? 0,
        entries.length === 0 ? 1 : random.some(entries, 0.5).concat(entries.slice(0, 1))
      )
    }
  },
  {
    name: 'a continuation of many superseded entries',
    mutate ({ random, seen, writers }) {
      const incarnation = random.pick([...writers, drawIncarnation(random)])
      const clock = seen.get(incarnation) ?? 0
      return updateOf(
        incarnation,
        clock,
        random.pick([1, 100, 2 ** 31, 2 ** 32, 2 ** 48 - clock, 2 ** 48])
      )
    }
  },
  {
    name: 'a continuation of many structs',
    mutate ({ random, seen, writers }) {
      const incarnation = random.pick(writers)
      const clock = seen.get(incarnation) ?? 0
      return writeWire({
        spans: [{
          incarnation,
          clock,
          structs: Array.from(
            { length: random.pick([10, 300]) },
            (_, i) => structAt(incarnation, clock + i, 1)
          )
        }],
        deletes: [0]
      })
    }
  },
  {
    name: 'many incarnations',
    mutate ({ random }) {
      const first = random.int(10_000, 0xffffffff)
      return writeWire({
        spans: Array.from(
          { length: random.pick([2, 20, 100]) },
          (_, i) => ({ incarnation: first - i, clock: 0, structs: [structAt(first - i, 0, 1)] })
        ),
        deletes: [0]
      })
    }
  }
]
