/**
 * Damage that knows nothing of what it damages: what a broken disk, a broken peer or a mixed-up
 * buffer makes of an update.
 */
import { encodeUpdate } from '../../engine/log/update.js'
import type { SimRandom } from '../../sim/random.js'
import type { Mutation } from './world.js'

function cut (random: SimRandom, bytes: Uint8Array): [Uint8Array, Uint8Array] {
  const at = random.int(0, bytes.length)
  return [bytes.subarray(0, at), bytes.subarray(at)]
}

const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))

/** A number as Yjs writes it, up to its largest and beyond. */
export function drawVarint (random: SimRandom): Uint8Array {
  // A number of 160 bytes that is worth 0, and NaN where its bytes are added up carelessly.
  if (random.chance(0.1)) return new Uint8Array(160).fill(0x80, 0, 159)
  const groups = random.pick([1, 2, 3, 4, 5, 7, 8, 9, 10, 12])
  return Uint8Array.from(
    { length: groups },
    (_, i) => random.int(0, 127) | (i < groups - 1 ? 0x80 : 0)
  )
}

export const byteMutations: readonly Mutation[] = [
  { name: 'unchanged', mutate: ({ random, updates }) => random.pick(updates) },
  { name: 'truncated', mutate: ({ random, updates }) => cut(random, random.pick(updates))[0] },
  {
    name: 'without its beginning',
    mutate: ({ random, updates }) => cut(random, random.pick(updates))[1]
  },
  {
    name: 'bits flipped',
    mutate ({ random, updates }) {
      const bytes = random.pick(updates).slice()
      for (let flips = random.pick([1, 1, 1, 2, 3, 10]); flips > 0 && bytes.length > 0; flips--) {
        const at = random.int(0, bytes.length - 1)
        bytes[at] = (bytes[at] as number) ^ (1 << random.int(0, 7))
      }
      return bytes
    }
  },
  {
    name: 'bytes overwritten',
    mutate ({ random, updates }) {
      const bytes = random.pick(updates).slice()
      const at = random.int(0, bytes.length)
      const byte = random.pick([0, 0x7f, 0x80, 0xff, random.int(0, 255)])
      return bytes.fill(byte, at, at + random.int(1, 12))
    }
  },
  {
    name: 'a number in its place replaced',
    mutate ({ random, updates }) {
      const [before, after] = cut(random, random.pick(updates))
      return join(before, drawVarint(random), after.subarray(random.int(0, 3)))
    }
  },
  {
    name: 'two spliced',
    mutate: ({ random, updates }) =>
      join(cut(random, random.pick(updates))[0], cut(random, random.pick(updates))[1])
  },
  {
    name: 'two behind each other',
    mutate: ({ random, updates }) => join(random.pick(updates), random.pick(updates))
  },
  {
    name: 'a part repeated',
    mutate ({ random, updates }) {
      const [before, rest] = cut(random, random.pick(updates))
      const [part, after] = cut(random, rest)
      return join(before, ...Array.from({ length: random.pick([2, 3, 50]) }, () => part), after)
    }
  },
  {
    name: 'a part left out',
    mutate ({ random, updates }) {
      const [before, rest] = cut(random, random.pick(updates))
      return join(before, cut(random, rest)[1])
    }
  },
  {
    name: 'noise',
    mutate: ({ random }) =>
      Uint8Array.from({ length: random.int(0, 200) }, () => random.int(0, 255))
  },
  {
    name: 'noise behind a real beginning',
    mutate: ({ random, updates }) =>
      join(
        cut(random, random.pick(updates))[0],
        Uint8Array.from({ length: random.int(0, 64) }, () => random.int(0, 255))
      )
  },
  {
    name: 'nothing',
    mutate: ({ random }) => random.chance(0.5) ? new Uint8Array(0) : encodeUpdate([])
  }
]
