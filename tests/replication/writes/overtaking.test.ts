/** What becomes of a write that something newer has overtaken. */
import test from 'ava'
import { HybridClock } from '../../../engine/base/hlc.js'
import { limits } from '../../../engine/limits.js'
import type { Write } from '../../../engine/write/write.js'
import { OutgoingWrite } from '../../../replication/writes/outgoing-write.js'
import { Overtaking } from '../../../replication/writes/overtaking.js'

const NOW_MS = 1_700_000_000_000
const NOW = NOW_MS * 1000

function world () {
  const clock = new HybridClock({ wallMs: () => NOW_MS, monotonicMs: () => 0 }, limits)
  const overtaking = new Overtaking(clock)
  const begin = (write: Partial<Write>): OutgoingWrite => {
    const version = write.version ?? clock.next()
    const outgoing = new OutgoingWrite({
      group: 0,
      write: { key: 'k', version, stamp: version, fields: { a: 1 }, ...write },
      concern: 'buffered',
      timeoutMs: 1000,
      deadlineMs: 1000
    })
    outgoing.done.catch(() => {})
    overtaking.begun(outgoing)
    return outgoing
  }
  return { overtaking, begin, clock }
}

test('a write is dated anew, above what stands there', t => {
  const { overtaking, begin } = world()
  const outgoing = begin({ expires: 7 })
  const version = NOW + 5001
  t.deepEqual(overtaking.judge(outgoing, NOW + 5000), {
    step: 'send',
    write: { key: 'k', version, stamp: version, fields: { a: 1 }, expires: 7 }
  })
})

test('a write whose own later one was taken first is sent as it is (SPEC T2)', t => {
  for (const isAnswered of [true, false]) {
    const { overtaking, begin } = world()
    const [first, later] = [begin({}), begin({})]
    if (isAnswered) overtaking.ended(later, true)
    t.is(overtaking.judge(first, later.write.version).step, 'send-as-it-is')
  }
})

test('a write waits for its own later ones, longer each time, to come after none of them', t => {
  const { overtaking, begin } = world()
  const [first, later] = [begin({}), begin({})]
  t.deepEqual([1, 2, 3].map(() => overtaking.judge(first, NOW + 9000)), [
    { step: 'wait', pauseMs: 10 },
    { step: 'wait', pauseMs: 20 },
    { step: 'wait', pauseMs: 40 }
  ])
  overtaking.ended(later, true)
  t.is(overtaking.judge(first, NOW + 9000).step, 'send-as-it-is')
})

test('a write whose own later one came to nothing is dated anew', t => {
  const { overtaking, begin } = world()
  const [first, later] = [begin({}), begin({})]
  overtaking.ended(later, false)
  t.is(overtaking.judge(first, NOW + 9000).step, 'send')
})

test('of a write that its own later one covers in part, the rest is dated anew (SPEC T2)', t => {
  const { overtaking, begin } = world()
  const [first, later] = [begin({ fields: { a: 1, b: 2 } }), begin({ fields: { b: 3, c: 4 } })]
  overtaking.ended(later, true)
  const judged = overtaking.judge(first, NOW + 9000)
  t.deepEqual(judged.step === 'send' ? judged.write.fields : judged, { a: 1 })
})

test('a later write of other fields, or of another record, is nothing to wait for', t => {
  const { overtaking, begin } = world()
  const first = begin({ fields: { a: 1 } })
  begin({ fields: { b: 1 } })
  begin({ key: 'other' })
  begin({ version: NOW + 3, stamp: NOW + 4 })
  t.is(overtaking.judge(first, NOW + 9000).step, 'send')
})

test('a delete that an own put followed is refused rather than undo that put', t => {
  const { overtaking, begin } = world()
  const [first, later] = [begin({ fields: null }), begin({})]
  t.is(overtaking.judge(first, NOW + 9000).step, 'wait')
  overtaking.ended(later, true)
  const judged = overtaking.judge(first, NOW + 9000)
  t.is(judged.step === 'refuse' ? judged.error.code : judged.step, 'OVERTAKEN')
  t.is(overtaking.judge(first, later.write.version).step, 'send-as-it-is')
})

test('a write of which a copy may stand is not brought back over a later one (SPEC T2)', t => {
  const { overtaking, begin } = world()
  const outgoing = begin({ version: NOW - 100_000, stamp: NOW - 100_000 })
  outgoing.triedHere(new Error('no answer'))
  t.is(overtaking.judge(outgoing, NOW - 1).step, 'send', 'it stood there before')
  t.is(overtaking.judge(outgoing, NOW).step, 'send-as-it-is', 'it may have seen the copy')
  const judged = overtaking.judge(outgoing, NOW + 9000)
  t.is(judged.step === 'refuse' ? judged.error.code : judged.step, 'OVERTAKEN')
})

test('a write that this node took itself counts as a later one', t => {
  const { overtaking, begin } = world()
  const first = begin({})
  overtaking.takenHere({ key: 'k', version: NOW + 5, stamp: NOW + 5, fields: { a: 2 } })
  t.is(overtaking.judge(first, NOW + 5).step, 'send-as-it-is')
})

const ADD: Partial<Write> = {
  fields: null,
  operations: [{ kind: 'add', field: 'a', element: 1 }]
}

test('an operation that a reset overtook is dated anew, and stays the same one (SPEC E9)', t => {
  const { overtaking, begin } = world()
  const entered = { writer: 7, sequence: 3 }
  const outgoing = begin({ ...ADD, entered })
  t.deepEqual(overtaking.judge(outgoing, NOW + 5000), {
    step: 'send',
    write: { key: 'k', ...ADD, version: NOW + 5001, stamp: NOW + 5001, entered }
  })
})

test('an operation that its own later delete has overtaken is ended by it (SPEC E18)', t => {
  const { overtaking, begin } = world()
  const [operation, end] = [begin(ADD), begin({ fields: null })]
  t.is(overtaking.judge(operation, NOW + 9000).step, 'wait')
  t.is(overtaking.judge(operation, end.write.version).step, 'send-as-it-is')
})

test('a write waits for no later operation, which ends nothing', t => {
  const { overtaking, begin } = world()
  const put = begin({ fields: { b: 1 } })
  const later = begin(ADD)
  overtaking.ended(later, true)
  t.is(overtaking.judge(put, NOW + 9000).step, 'send')
})

test('an operation of which a copy may stand is ended by a reset that may have seen it', t => {
  const { overtaking, begin } = world()
  const operation = begin(ADD)
  operation.triedHere(new Error('no answer'))
  t.is(overtaking.judge(operation, NOW).step, 'send-as-it-is')
})
