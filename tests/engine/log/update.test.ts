/**
 * Updates: what a writer makes reads back, and whatever else arrives is refused before anything has
 * changed. Every truncation and every single-bit flip of a sample is tried.
 */
import test from 'ava'
import * as Y from 'yjs'
import { Entry, NO_FIELDS } from '../../../engine/record/entry.js'
import { UpdateRefusedError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { runsOf, type Run } from '../../../engine/log/run.js'
import { decodeUpdate, encodeUpdate, ROOT } from '../../../engine/log/update.js'
import { createEncoder, toUint8Array, writeUint8, writeVarString,
  writeVarUint } from '../../../engine/base/varint.js'
import { structAt, writeWire } from '../../fuzz/wire.js'
import { dump, openShard, put, type TestShard } from '../shards.js'

const BIG = 0xfffffff1

function sampleRuns (): Run[] {
  const entries = [
    new Entry('a', 7, 7, { n: 1, text: 'größe' }, false, BIG, 2),
    new Entry('b', 8, 9, { list: [1, { x: null }] }, false, BIG, 3),
    new Entry('c', 9, 9, NO_FIELDS, true, BIG, 6),
    new Entry('d', 9, 11, { bytes: Uint8Array.of(1, 2) }, true, BIG, 7)
  ]
  return [...runsOf(BIG, 0, 9, entries),
    ...runsOf(5, 300, 301, [new Entry('e', 1, 1, { f: 0.5 }, false, 5, 300)]),
    ...runsOf(3, 0, 1, [new Entry('f', 2, 2, { t: true }, false, 3, 0)])]
}

const SAMPLE = encodeUpdate(sampleRuns())

/** A shard that knows everything the sample builds on. */
function receiver (): TestShard {
  const shard = openShard(77)
  shard.merge(encodeUpdate([{ incarnation: 5, clock: 0, length: 300, entries: null }]))
  shard.write(put('mine', 1, { x: 1 }))
  shard.flush()
  return shard
}

/** An update of one incarnation, put together by hand. */
function forged (
  structs: readonly ((write: ReturnType<typeof createEncoder>) => void)[],
  { incarnation = 5, clock = 0, count = structs.length, deletes = [0] } = {}
): Uint8Array {
  const writer = createEncoder()
  for (const value of [1, count, incarnation, clock]) writeVarUint(writer, value)
  for (const struct of structs) struct(writer)
  for (const value of deletes) writeVarUint(writer, value)
  return toUint8Array(writer)
}

test('an update reads back as it was written', t => {
  t.deepEqual(decodeUpdate(SAMPLE, limits), sampleRuns())
  t.deepEqual(encodeUpdate(decodeUpdate(SAMPLE, limits)), SAMPLE)
  t.deepEqual(decodeUpdate(encodeUpdate([]), limits), [])
})

test('the order in which incarnations are given does not matter', t => {
  const runs = sampleRuns()
  t.deepEqual(
    encodeUpdate(
      [...runs.slice(4), ...runs.slice(0, 4)].sort((a, b) =>
        a.incarnation - b.incarnation || a.clock - b.clock
      )
    ),
    SAMPLE
  )
})

test('Yjs reads an update as the log it describes (SPEC E7)', t => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, encodeUpdate(sampleRuns().filter(run => run.incarnation !== 5)))
  t.is(doc.store.pendingStructs, null)
  t.deepEqual([...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b), [[3, 1],
    [BIG, 9]])
  t.is(doc.getArray(ROOT).length, 5)
})

test('every truncation of an update is refused', t => {
  for (let length = 0; length < SAMPLE.length; length++) {
    t.throws(
      () => decodeUpdate(SAMPLE.slice(0, length), limits),
      { instanceOf: UpdateRefusedError },
      `${length} bytes`
    )
  }
})

test('bytes behind an update are refused', t => {
  for (const extra of [0, 1, 127, 128, 255]) {
    t.throws(() => decodeUpdate(Uint8Array.of(...SAMPLE, extra), limits), {
      instanceOf: UpdateRefusedError,
      message: /trailing-bytes/
    })
  }
  t.throws(() => decodeUpdate(Uint8Array.of(...SAMPLE, ...SAMPLE), limits), {
    instanceOf: UpdateRefusedError
  })
})

test('an update with any bit flipped is refused, or one that a writer could make (SPEC E6)', t => {
  let refused = 0
  for (let bit = 0; bit < SAMPLE.length * 8; bit++) {
    const flipped = SAMPLE.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    let runs: Run[]
    try {
      runs = decodeUpdate(flipped, limits)
    } catch (error) {
      if (!(error instanceof UpdateRefusedError)) throw error
      refused++
      continue
    }
    t.deepEqual(decodeUpdate(encodeUpdate(runs), limits), runs, `bit ${bit}`)
  }
  t.true(refused > SAMPLE.length, `${refused} of ${SAMPLE.length * 8} refused`)
})

test('a damaged update changes nothing, refused or a gap, and the right one still applies', t => {
  const clean = receiver()
  clean.merge(SAMPLE)
  for (let bit = 0; bit < SAMPLE.length * 8; bit += 3) {
    const flipped = SAMPLE.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    const shard = receiver()
    const before = shard.encode()
    const { outcome } = shard.merge(flipped)
    if (outcome === 'merged') continue
    t.deepEqual(shard.encode(), before, `bit ${bit}: ${outcome}`)
    t.is(shard.merge(SAMPLE).outcome, 'merged', `bit ${bit}: ${outcome}, then the right one`)
    t.deepEqual(shard.encode(new Map([[77, 1]])), clean.encode(new Map([[77, 1]])))
    t.deepEqual(dump(shard), dump(clean))
  }
})

const ANY = 8
const DELETED = 1
const ORIGIN = 0x80

const first =
  (kind: number, length: number) => (writer: ReturnType<typeof createEncoder>): void => {
    writeUint8(writer, kind)
    writeVarUint(writer, 1)
    writeVarString(writer, ROOT)
    writeVarUint(writer, length)
  }

const HOSTILE: readonly (readonly [what: string, bytes: Uint8Array, reason: RegExp])[] = [
  ['nothing at all', new Uint8Array(0), /malformed/],
  ['more structs than it has bytes for', forged([first(DELETED, 1)], { count: 2 ** 31 }),
    /struct-count/],
  ['the largest struct count there is', forged([], { count: Number.MAX_SAFE_INTEGER }),
    /struct-count/],
  ['an incarnation without structs', forged([], { count: 0 }), /struct-count/],
  ['too many incarnations', Uint8Array.of(0xff, 0xff, 0x7f), /too-many-incarnations/],
  ['incarnation zero', forged([first(DELETED, 1)], { incarnation: 0 }), /incarnation/],
  ['an incarnation beyond 32 bits', forged([first(DELETED, 1)], { incarnation: 2 ** 32 }),
    /incarnation/],
  ['a foreign root', forged([writer => {
    writeUint8(writer, DELETED)
    writeVarUint(writer, 1)
    writeVarString(writer, 'other')
    writeVarUint(writer, 1)
  }]), /root/],
  ['a parent that is an item', forged([writer => {
    writeUint8(writer, DELETED)
    writeVarUint(writer, 0)
    writeVarUint(writer, 5)
    writeVarUint(writer, 0)
  }]), /root/],
  ['a collected struct', forged([writer => {
    writeUint8(writer, 0)
    writeVarUint(writer, 1)
  }]), /content/],
  ['a skipped struct', forged([writer => {
    writeUint8(writer, 10)
    writeVarUint(writer, 1)
  }]), /content/],
  ['text', forged([writer => {
    writeUint8(writer, 4)
    writeVarUint(writer, 1)
    writeVarString(writer, ROOT)
    writeVarString(writer, 'x')
  }]), /content/],
  ['a right origin', forged([first(ANY | 0x40, 1)]), /content/],
  ['a map entry', forged([first(ANY | 0x20, 1)]), /content/],
  ['an origin at clock 0', forged([writer => {
    writeUint8(writer, DELETED | ORIGIN)
    writeVarUint(writer, 5)
    writeVarUint(writer, 0)
    writeVarUint(writer, 1)
  }]), /origin/],
  ['no origin behind clock 0', forged([first(DELETED, 1)], { clock: 4 }), /origin/],
  ['the origin of another incarnation', forged([writer => {
    writeUint8(writer, DELETED | ORIGIN)
    writeVarUint(writer, 6)
    writeVarUint(writer, 3)
    writeVarUint(writer, 1)
  }], { clock: 4 }), /origin/],
  ['an origin that is not its predecessor', forged([writer => {
    writeUint8(writer, DELETED | ORIGIN)
    writeVarUint(writer, 5)
    writeVarUint(writer, 2)
    writeVarUint(writer, 1)
  }], { clock: 4 }), /origin/],
  ['an empty struct', forged([first(DELETED, 0)]), /length/],
  ['more entries than bytes', forged([first(ANY, 2 ** 40)]), /length/],
  ['a clock beyond all bounds', forged([first(DELETED, Number.MAX_SAFE_INTEGER)]), /clock/],
  ['an entry that is a string', forged([writer => {
    first(ANY, 1)(writer)
    writeUint8(writer, 119)
    writeVarString(writer, 'x')
  }]), /entry/],
  ['an entry that is no write', forged([writer => {
    first(ANY, 1)(writer)
    writeUint8(writer, 116)
    writeVarUint(writer, 1)
    writeUint8(writer, 0x07)
  }]), /entry/],
  ['a delete set', forged([first(DELETED, 1)], { deletes: [1, 5, 1, 0, 1] }), /delete-set/],
  ['a huge delete set', forged([first(DELETED, 1)], { deletes: [2 ** 40] }), /delete-set/],
  ['an unending number', Uint8Array.from({ length: 30 }, () => 0xff), /malformed/],
  ['a clock of endless zeros', writeWire({
    spans: [{ incarnation: 5, clock: NaN, structs: [structAt(5, 0, 1)] }],
    deletes: [0]
  }), /malformed/],
  ['a length of endless zeros', writeWire({
    spans: [{ incarnation: 5, clock: 0, structs: [{ ...structAt(5, 0, 1), length: NaN }] }],
    deletes: [0]
  }), /malformed/]
]

for (const [what, bytes, reason] of HOSTILE) {
  test(`an update with ${what} is refused, and the shard stays as it was`, t => {
    t.throws(() => decodeUpdate(bytes, limits), { instanceOf: UpdateRefusedError, message: reason })
    const shard = receiver()
    const before = shard.encode()
    t.is(shard.merge(bytes).outcome, 'refused')
    t.deepEqual(shard.encode(), before)
    t.is(shard.events.at(-1)?.type, 'update-refused')
  })
}

test('incarnations out of order, or twice, are refused', t => {
  const writer = createEncoder()
  writeVarUint(writer, 2)
  for (const incarnation of [5, 5]) {
    for (const value of [1, incarnation, 0]) writeVarUint(writer, value)
    first(DELETED, 1)(writer)
  }
  writeVarUint(writer, 0)
  t.throws(() => decodeUpdate(toUint8Array(writer), limits), {
    instanceOf: UpdateRefusedError,
    message: /incarnation 5 behind 5/
  })
})

test('an update larger than the bound is refused unread', t => {
  t.throws(() => decodeUpdate(new Uint8Array(limits.maxUpdateBytes + 1), limits), {
    instanceOf: UpdateRefusedError,
    message: /too-large/
  })
})

test('an update of a foreign Y.Map or Y.Array is refused', t => {
  const doc = new Y.Doc()
  doc.getMap('records').set('a', { n: 1 })
  t.throws(() => decodeUpdate(Y.encodeStateAsUpdate(doc), limits), {
    instanceOf: UpdateRefusedError
  })
  const other = new Y.Doc()
  other.getArray(ROOT).push([1, 2, 3])
  t.throws(() => decodeUpdate(Y.encodeStateAsUpdate(other), limits), {
    instanceOf: UpdateRefusedError
  })
})

test('an encoded entry does not share memory with the update it came in', t => {
  const bytes = SAMPLE.slice()
  const runs = decodeUpdate(bytes, limits)
  bytes.fill(0)
  t.deepEqual(runs, sampleRuns())
})
