/** Envelopes: whatever happens to a message on its way, it is read as it was sent or refused. */
import test from 'ava'
import { EnvelopeError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { Assembler } from '../../../replication/messages/assembler.js'
import { decodePart, encodeParts, MESSAGE_KINDS, type MessageKind,
  type Part } from '../../../replication/messages/envelope.js'
import { describeSeed, pickSeed, seededRandom } from '../../support/ports.js'

const content = Uint8Array.from({ length: 100 }, (_, i) => i * 7)

function partsOf (
  kind: MessageKind,
  id: number,
  bytes: Uint8Array,
  maxBytes: number,
  subject = ''
): Uint8Array[] {
  return encodeParts(kind, id, bytes, maxBytes, subject, limits)
}

function open (part: Uint8Array, subject = ''): Part {
  return decodePart(part, subject, limits)
}

test('every kind survives, empty content too', t => {
  for (const kind of Object.keys(MESSAGE_KINDS) as MessageKind[]) {
    for (const bytes of [content, new Uint8Array(0)]) {
      const [part, ...more] = partsOf(kind, 0xffffffff, bytes, 1024)
      t.deepEqual(more, [])
      t.deepEqual(open(part as Uint8Array), {
        kind,
        id: 0xffffffff,
        part: 0,
        parts: 1,
        content: bytes
      })
    }
  }
})

test('damage to any one byte is refused (SPEC R1)', t => {
  const [part] = partsOf('deltas', 42, content, 1024) as [Uint8Array]
  for (let at = 0; at < part.length; at++) {
    for (const flip of [1, 0x80, 0xff, 3, 4, 6]) {
      const damaged = part.slice()
      damaged[at] = (damaged[at] as number) ^ flip
      t.throws(() => open(damaged), { instanceOf: EnvelopeError }, `byte ${at} ^ ${flip}`)
    }
  }
})

test('a message counts only on the subject it was sent on (SPEC R10)', t => {
  const [part] = partsOf('deltas', 42, content, 1024, 'mp.one.prices.d.a.3') as [Uint8Array]
  t.is(open(part, 'mp.one.prices.d.a.3').kind, 'deltas')
  for (
    const other of ['mp.two.prices.d.a.3', 'mp.one.stock.d.a.3', 'mp.one.prices.d.a.4',
      'mp.one.prices.d.b.3']
  ) t.throws(() => open(part, other), { instanceOf: EnvelopeError }, other)
})

test('a message that is cut short, or longer than it was, is refused', t => {
  const [part] = partsOf('deltas', 42, content, 1024) as [Uint8Array]
  for (let length = 0; length < part.length; length++) {
    t.throws(() => open(part.subarray(0, length)), { instanceOf: EnvelopeError })
  }
  t.throws(() => open(Uint8Array.of(...part, 0)), { instanceOf: EnvelopeError })
})

test('a message of another version says so', t => {
  const [part] = partsOf('deltas', 42, content, 1024) as [Uint8Array]
  part[2] = 2
  t.throws(() => open(part), { message: /version.*format 2 is not known here/ })
})

test('parts are put together in any order, with duplicates, from several senders at once', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const random = seededRandom(seed)
  for (let round = 0; round < 50; round++) {
    const assembler = new Assembler(limits)
    const messages = Array.from(
      { length: 5 },
      (_, m) => Uint8Array.from({ length: 50 + random.uint32() % 400 }, (__, i) => i * m + round)
    )
    const parts = messages.flatMap((bytes, m) =>
      partsOf('deltas', 7, bytes, 16 + 60).map(part => ({ sender: `s${m}`, m, part }))
    )
    const shuffled = parts.map(part => ({ part, at: random.uint32() })).sort((a, b) => a.at - b.at)
      .map(({ part }) => part)
    const done = new Map<number, Uint8Array>()
    for (const { sender, m, part } of shuffled) {
      for (let copies = 1 + random.uint32() % 2; copies > 0; copies--) {
        const whole = assembler.add(sender, open(part))
        if (whole !== null) done.set(m, whole)
      }
    }
    for (const [m, bytes] of messages.entries()) {
      t.deepEqual(Uint8Array.from(done.get(m) ?? []), bytes)
    }
  }
})

test('a message missing a part never comes out, but a full repetition does (SPEC R1)', t => {
  const assembler = new Assembler(limits)
  const parts = partsOf('reply', 1, content, 16 + 30)
  t.is(parts.length, 4)
  for (const part of parts.slice(1)) t.is(assembler.add('s', open(part)), null)
  let whole: Uint8Array | null = null
  for (const part of partsOf('reply', 2, content, 16 + 30)) {
    whole = assembler.add('s', open(part))
  }
  t.deepEqual(Uint8Array.from(whole ?? []), content)
})

test('unfinished messages are bounded: the oldest is given up', t => {
  const assembler = new Assembler(limits)
  const message = (id: number): Uint8Array[] => partsOf('reply', id, content, 16 + 60)
  for (let id = 0; id <= limits.maxPartialMessages; id++) {
    assembler.add('s', open(message(id)[0] as Uint8Array))
  }
  t.is(assembler.add('s', open(message(0)[1] as Uint8Array)), null)
  t.not(assembler.add('s', open(message(5)[1] as Uint8Array)), null)
})

test('a message of more parts than are allowed is refused where it is sent', t => {
  t.throws(() => partsOf('reply', 1, new Uint8Array(limits.maxParts * 10 + 1), 16 + 10), {
    message: /too-large/
  })
  t.is(
    partsOf('reply', 1, new Uint8Array(limits.maxParts * 10), 16 + 10).length,
    limits.maxParts
  )
})
