import test from 'ava'
import { Entry } from '../../../engine/record/entry.js'
import { limits, limitsWith } from '../../../engine/limits.js'
import { Slots } from '../../../engine/log/slots.js'
import { describeSeed, pickSeed, seededRandom } from '../../support/ports.js'

function entriesFrom (clock: number, count: number): Entry[] {
  return Array.from(
    { length: count },
    (_, i) => new Entry(`k${clock + i}`, 1, 1, { a: 1 }, false, 7, clock + i)
  )
}

function clocks (slots: Slots, from = 0): number[] {
  const found: number[] = []
  slots.each(from, entry => found.push(entry.clock) > 0)
  return found
}

test('live entries come in order, from any clock on, whatever lies between', t => {
  const slots = new Slots(limits)
  slots.append(entriesFrom(0, 3), 0)
  slots.append(entriesFrom(10, 2), 10)
  slots.append(entriesFrom(2 ** 40, 1), 2 ** 40) // further off than an offset can say
  slots.bury(1)
  const left = [0, 2, 10, 11, 2 ** 40]
  for (const from of [0, 1, 2, 3, 9, 10, 11, 12, 2 ** 40]) {
    t.deepEqual(
      clocks(slots, from),
      left.filter(clock => clock >= from),
      `from ${from}`
    )
  }
  t.deepEqual(clocks(slots, 2 ** 40 + 1), [])
})

test('a walk stops when it is told to', t => {
  const slots = new Slots(limits)
  slots.append(entriesFrom(0, 3000), 0)
  let visited = 0
  slots.each(500, () => ++visited < 1200)
  t.is(visited, 1200)
})

test('entries may be appended before they know their clocks', t => {
  const slots = new Slots(limits)
  const entry = new Entry('k', 1, 1, { a: 1 }, false)
  slots.append([entry], 5)
  entry.setDot(7, 5)
  t.deepEqual(clocks(slots), [5])
  slots.bury(5)
  t.true(slots.isEmpty)
})

test('only an entry that is there can be superseded', t => {
  const slots = new Slots(limits)
  t.throws(() => slots.bury(0), { message: /no live entry/ })
  slots.append(entriesFrom(3, 2), 3)
  slots.bury(3)
  for (const clock of [0, 2, 3, 5]) {
    t.throws(() => slots.bury(clock), { message: /no live entry stands at clock/ })
  }
  t.deepEqual(clocks(slots), [4])
})

/** Held against a plain map, with chunks of any size. */
for (
  const { maxSlotsPerChunk, minHolesToPack } of [{ maxSlotsPerChunk: 2, minHolesToPack: 1 }, {
    maxSlotsPerChunk: 16,
    minHolesToPack: 2
  }, limits]
) {
  const chunks = `chunks of ${maxSlotsPerChunk} slots`
  test(`whatever dies when, ${chunks} find the rest, and holes stay few (SPEC E12)`, t => {
    const seed = pickSeed()
    t.log(describeSeed(seed), 'npm run test:only -- tests/engine/log/slots.test.ts')
    const random = seededRandom(seed)
    const below = (end: number): number => random.uint32() % end
    const slots = new Slots(limitsWith({ maxSlotsPerChunk, minHolesToPack }))
    const live: number[] = []
    let buried = 0
    let taken = 0
    let end = 0
    for (let step = 0; step < 400; step++) {
      const size = 1 + below(step % 50 === 0 ? 3000 : 40)
      slots.append(entriesFrom(end, size), end)
      for (let clock = end; clock < end + size; clock++) live.push(clock)
      end += size + (below(10) === 0 ? below(100) : 0)
      // Mostly of all, sometimes of one end only; now and then nearly everything.
      const deaths = Math.min(
        live.length,
        step % 97 === 96 ? live.length - 3 : below(2 * size + 10)
      )
      for (let i = 0; i < deaths; i++) {
        const [clock] = live.splice(
          below(step % 3 === 0 ? Math.min(10, live.length) : live.length),
          1
        ) as [number]
        taken += slots.bury(clock)
        buried++
        if (slots.holes > (minHolesToPack + 1) * live.length) {
          t.fail(`${describeSeed(seed)}: ${slots.holes} holes, ${live.length} live`)
        }
      }
      t.deepEqual(clocks(slots), live, `${describeSeed(seed)}, step ${step}`)
      const from = below(end + 1)
      t.deepEqual(
        clocks(slots, from),
        live.filter(clock => clock >= from),
        `${describeSeed(seed)}, step ${step}, from ${from}`
      )
      t.is(slots.isEmpty, live.length === 0)
      t.is(buried - taken, slots.holes, 'each hole is counted once')
    }
    taken += slots.pack()
    t.deepEqual([slots.holes, taken], [0, buried])
    t.deepEqual(clocks(slots), live)
    for (const clock of live) slots.bury(clock)
    t.true(slots.isEmpty)
    t.is(slots.holes, 0)
  })
}

test('with many live entries, at most a quarter of the slots are holes (SPEC E12)', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed), 'npm run test:only -- tests/engine/log/slots.test.ts')
  const random = seededRandom(seed)
  const slots = new Slots(limits)
  const at = Array.from({ length: 20_000 }, (_, i) => i)
  slots.append(entriesFrom(0, at.length), 0)
  for (let end = at.length; end < 20 * at.length; end++) {
    const victim = random.uint32() % at.length
    slots.append(entriesFrom(end, 1), end)
    slots.bury(at[victim] as number)
    at[victim] = end
    if (end % 1000 === 0) {
      t.true(slots.holes <= at.length / 2, `${describeSeed(seed)}: ${slots.holes} holes`)
    }
  }
})
