/**
 * Entries that lie inside: the update around them is in order, and continues what the shard has
 * seen, so what is forged here is all that stands between the bytes and the records. Pieces are
 * written as raw CBOR, which an encoder would not write.
 */
import { decodeCbor, encodeCbor } from '../../engine/base/codec.js'
import { limits } from '../../engine/limits.js'
import type { SimRandom } from '../../sim/random.js'
import { readWire, updateOf } from './wire.js'
import { drawIncarnation, type Material, type Mutation } from './world.js'

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))
const value = (plain: unknown): Uint8Array => Uint8Array.from(encodeCbor(plain))
const repeated = (hex: string, times: number, end = '00'): Uint8Array =>
  bytesOf(hex.repeat(times) + end)

/** The head of an array (4) or a map (5). */
export const head = (major: 4 | 5, count: number): Uint8Array =>
  Uint8Array.of(major << 5 | 24, count)

/** Items that no writer makes, or that lie at an edge of what one may make. Add to them freely. */
export const HOSTILE_ITEMS: Readonly<Record<string, Uint8Array>> = {
  undefined: bytesOf('f7'),
  NaN: bytesOf('fb7ff8000000000000'),
  'half NaN': bytesOf('f97e00'),
  infinity: bytesOf('f97c00'),
  'minus zero': bytesOf('fb8000000000000000'),
  'half minus zero': bytesOf('f98000'),
  'half float': bytesOf('f93c00'),
  'float 32': bytesOf('fa3f800000'),
  'simple value': bytesOf('f0'),
  'simple value 255': bytesOf('f8ff'),
  break: bytesOf('ff'),
  reserved: bytesOf('1c'),
  bigint: bytesOf('1bffffffffffffffff'),
  'negative bigint': bytesOf('3bffffffffffffffff'),
  'largest safe': bytesOf('1b001fffffffffffff'),
  'beyond safe': bytesOf('1b0020000000000000'),
  'one in 8 bytes': bytesOf('1b0000000000000001'),
  'bignum tag': bytesOf('c2480102030405060708'),
  'date tag': bytesOf('c11a00000001'),
  'set tag': bytesOf('d9010283010203'),
  'map tag': bytesOf('d90103a0'),
  'shared tag': bytesOf('d81c81d81d00'),
  'record tag': bytesOf('d9dfff828101830102'),
  'typed array tag': bytesOf('d84e4400000000'),
  'error tag': bytesOf('d81b8145'),
  'regexp tag': bytesOf('d81b82675265674578706128'),
  'self tag': bytesOf('d9d9f700'),
  'tags on tags': repeated('c0', 500),
  'bundled strings tag': bytesOf('d9dff9820060'),
  'packed tag': bytesOf('d8338182'),
  'reference to nothing': bytesOf('d81d05'),
  'array without end': bytesOf('9f01ff'),
  'map without end': bytesOf('bf616101ff'),
  'bytes without end': bytesOf('5f4101ff'),
  'text without end': bytesOf('7f6161ff'),
  'array never ended': bytesOf('9f'),
  'arrays never ended': repeated('9f', 200),
  'array of 2^32 - 1': bytesOf('9affffffff'),
  'array of 2^63': bytesOf('9b7fffffffffffffff'),
  'map of 2^32 - 1': bytesOf('baffffffff'),
  'bytes of 2^32 - 1': bytesOf('5affffffff'),
  'text of 2^53': bytesOf('7b0020000000000000'),
  'array of 2^24': bytesOf('9a01000000'),
  'arrays 16 deep': repeated('81', 16),
  'arrays 17 deep': repeated('81', 17),
  'arrays 18 deep': repeated('81', 18),
  'arrays 5,000 deep': repeated('81', 5000),
  'arrays 100,000 deep': repeated('81', 100_000),
  'maps 5,000 deep': repeated('a16161', 5000),
  'map keys 5,000 deep': repeated('a1', 5000, '00'.repeat(5001)),
  'a map that names __proto__': bytesOf('a1695f5f70726f746f5f5fa1616101'),
  'a map that names constructor': bytesOf('a16b636f6e7374727563746f72a1616101'),
  'a map that names toString': bytesOf('a168746f537472696e67f6'),
  'a map that names hasOwnProperty': bytesOf('a16e6861734f776e50726f706572747900'),
  'a map with a number for a name': bytesOf('a10102'),
  'a map with an array for a name': bytesOf('a18001'),
  'a map with a map for a name': bytesOf('a1a001'),
  'a map with null for a name': bytesOf('a1f601'),
  'a map with bytes for a name': bytesOf('a1416101'),
  'a map with a float for a name': bytesOf('a1fb3ff800000000000001'),
  'a map that names a field twice': bytesOf('a2616101616102'),
  'a map with an empty name': bytesOf('a16001'),
  'an empty map': bytesOf('a0'),
  'an empty array': bytesOf('80'),
  'an empty text': bytesOf('60'),
  null: bytesOf('f6'),
  zero: bytesOf('00'),
  'minus one': bytesOf('20'),
  one: bytesOf('01'),
  'a lone surrogate': bytesOf('63eda080'),
  'a lone surrogate in a long text': join(bytesOf('785a'), bytesOf('eda080'.repeat(30))),
  'text that is not UTF-8': bytesOf('64ff61c0af'),
  'text cut in a character': bytesOf('62c3'),
  'a zero character': bytesOf('6100'),
  'a long name': value({ ['n'.repeat(limits.maxFieldNameBytes + 1)]: 1 }),
  'a name of many bytes': value({ ['€'.repeat(limits.maxFieldNameBytes)]: 1 }),
  'a long key': value('k'.repeat(limits.maxKeyBytes + 1)),
  'a key of many bytes': value('€'.repeat(limits.maxKeyBytes)),
  'too many fields': value(
    Object.fromEntries(
      Array.from({ length: limits.maxFieldsPerRecord + 1 }, (_, i) => [`f${i}`, i])
    )
  ),
  'a large text': value('x'.repeat(limits.maxEntryBytes)),
  'as many halves as fit': join(
    bytesOf('9a00010000'),
    new Uint8Array(65536 * 3).map((_, i) => i % 3 === 0 ? 0xf9 : i % 3 === 1 ? 0x3c : 1)
  ),
  'a field of many halves': join(
    bytesOf('a161619a00010000'),
    new Uint8Array(65536 * 3).map((_, i) => i % 3 === 0 ? 0xf9 : i % 3 === 1 ? 0x3c : 1)
  )
}
const names = Object.keys(HOSTILE_ITEMS)
const hostile = (random: SimRandom): Uint8Array => HOSTILE_ITEMS[random.pick(names)] as Uint8Array

/** The items of an entry that a writer made, each as CBOR. */
function drawEntry ({ random, updates }: Material): Uint8Array[] {
  const entries = readWire(random.pick(updates)).spans.flatMap(({ structs }) => structs).flatMap((
    { entries: some }
  ) => some ?? [])
  const whole: unknown = entries.length === 0
    ? ['a', 1, { x: 1 }]
    : decodeCbor(random.pick(entries).bytes)
  return (whole as unknown[]).map(value)
}

/** Where the entry goes: behind what the shard has seen of one incarnation. */
function placed (material: Material, entry: Uint8Array): Uint8Array {
  const { random, seen, writers } = material
  const incarnation = random.pick([...writers, drawIncarnation(random)])
  return updateOf(incarnation, seen.get(incarnation) ?? 0, [entry])
}

const whole = (items: readonly Uint8Array[]): Uint8Array => join(head(4, items.length), ...items)

function inside (name: string, make: (material: Material) => Uint8Array): Mutation {
  return { name: `an entry ${name}`, mutate: material => placed(material, make(material)) }
}

export const cborMutations: readonly Mutation[] = [
  inside('as it is, of another incarnation', material => whole(drawEntry(material))),
  inside('with a hostile item in place of one of its own', material => {
    const items = drawEntry(material)
    items[material.random.int(0, items.length - 1)] = hostile(material.random)
    return whole(items)
  }),
  inside('with a hostile field', material => {
    const { random } = material
    const items = drawEntry(material)
    items[2] = join(
      head(5, 2),
      value('x'),
      hostile(random),
      value('y'),
      random.chance(0.5) ? hostile(random) : value(1)
    )
    return whole(items)
  }),
  inside('with a hostile item somewhere in a value', material => {
    const { random } = material
    const items = drawEntry(material)
    let nested = hostile(random)
    for (let depth = random.int(0, 20); depth > 0; depth--) {
      nested = random.chance(0.5)
        ? join(bytesOf('81'), nested)
        : join(bytesOf('a1616e'), nested)
    }
    items[2] = join(head(5, 1), value('x'), nested)
    return whole(items)
  }),
  inside(
    'with items more',
    material =>
      whole([...drawEntry(material), ...Array.from({ length: material.random.int(1, 4) }, () =>
        material.random.chance(0.5) ? hostile(material.random) : value(1))])
  ),
  inside('with items fewer', material => whole(material.random.some(drawEntry(material), 0.6))),
  inside(
    'with its items in another order',
    material => whole(material.random.shuffle(drawEntry(material)))
  ),
  inside('with a hostile item beside its fields', material => {
    const { random } = material
    const items = drawEntry(material)
    const beside = Array.from(
      { length: 3 },
      (_, i) => random.chance(0.4) ? hostile(random) : value(i === 0 ? 0 : [])
    )
    return whole([...items.slice(0, 3), ...[items[3] ?? value(1), value(0),
      join(head(4, 3), ...beside)]])
  }),
  inside('with forged claims', ({ random, writers }) => {
    const piece = (plain: unknown): Uint8Array =>
      random.chance(0.1) ? hostile(random) : value(plain)
    const claim = (): Uint8Array =>
      whole([piece(random.int(0, 7)), piece(random.pick(['n', 's', 'x'])), piece(random.int(0, 40)),
        ...Array.from(
          { length: random.int(1, 3) },
          () => piece(random.pick<unknown>([0, 1, -1, 0.5, 'red', true, null, ...writers]))
        )])
    const claims = Array.from({ length: random.pick([0, 1, 1, 2, 5, 200]) }, claim)
    return whole([value(random.pick(['a', 'b'])), value(random.int(0, 40)),
      value(random.chance(0.8) ? null : { x: 1 }), value(random.int(0, 40)),
      value(random.chance(0.8) ? 0 : 1), join(
        head(4, 3),
        value(random.chance(0.8) ? 0 : 5),
        value(random.chance(0.8) ? [] : ['y']),
        join(head(4, claims.length), ...claims)
      )])
  }),
  inside('that is not an array', material => hostile(material.random)),
  inside(
    'that announces more or fewer items than it has',
    material => join(head(4, material.random.int(0, 255)), ...drawEntry(material))
  ),
  inside(
    'with bytes behind it',
    material => join(whole(drawEntry(material)), hostile(material.random))
  ),
  inside('with hostile bytes in its middle', material => {
    const bytes = whole(drawEntry(material))
    const at = material.random.int(0, bytes.length)
    return join(bytes.subarray(0, at), hostile(material.random).subarray(0, 50), bytes.subarray(at))
  }),
  inside('with numbers at the edges', ({ random }) => {
    const number = (): unknown =>
      random.pick([0, -0, 1, -1, 0.5, 2 ** 32, 2 ** 32 - 1, 2 ** 31, 2 ** 53 - 1, 2 ** 53,
        -(2 ** 53), 2 ** 64, 1e300, 2n ** 63n, null, true, '1'])
    return whole([value('a'), value(number()), value(random.chance(0.3) ? null : { x: number() }),
      value(number()), ...random.chance(0.5) ? [value(random.pick([0, 1, 2, true, null]))] : []])
  })
]
