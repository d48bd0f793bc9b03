/** The checks on writes: a write that passes them makes an entry that every replica can read. */
import test from 'ava'
import { LimitError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { checkBody, type RawBody } from '../../../engine/write/write.js'
import { openShard } from '../shards.js'

const KEY = 'k'.repeat(limits.maxKeyBytes)
const NOW = 1_800_000_000_000_000
const NAMES = Array.from(
  { length: limits.maxFieldsPerRecord },
  (_, i) => String(i).padEnd(limits.maxFieldNameBytes, '-')
)

/** The outcome at a peer of the largest write that is accepted, of those that grow with `bytes`. */
function largest (bodyOf: (bytes: number) => RawBody, late?: number): string {
  let accepted = checkBody(bodyOf(1), limits)
  for (let low = 1, high = limits.maxEntryBytes; high - low > 1;) {
    const middle = (low + high) >>> 1
    try {
      accepted = checkBody(bodyOf(middle), limits)
      low = middle
    } catch (error) {
      if (!(error instanceof LimitError)) throw error
      high = middle
    }
  }
  const writer = openShard(1)
  const lateness = late === undefined ? {} : { late }
  writer.write({ key: KEY, version: NOW, stamp: NOW + 1, ...accepted, ...lateness })
  writer.flush()
  return openShard(2).merge(writer.deltas[0] as Uint8Array).outcome
}

const text = (bytes: number) => ({ a: 'x'.repeat(bytes) })

test('the largest write that is accepted is one that peers can read (SPEC B2, E14)', t => {
  t.is(largest(bytes => ({ fields: text(bytes) })), 'merged')
  t.is(largest(bytes => ({ fields: text(bytes), clears: true })), 'merged')
})

test('so is the largest write with a time to live, and one of a late event', t => {
  t.is(largest(bytes => ({ fields: text(bytes), clears: true, expires: NOW + 2 })), 'merged')
  t.is(largest(bytes => ({ fields: text(bytes), expires: NOW + 2 }), NOW - 1), 'merged')
})

test('so is the largest write that unsets fields too', t => {
  t.is(largest(bytes => ({ fields: text(bytes), unset: NAMES, expires: NOW + 2 })), 'merged')
})

test('names to unset that do not fit into one entry are refused', t => {
  const few = { ...limits, maxEntryBytes: 8 * limits.maxKeyBytes }
  t.throws(() => checkBody({ unset: NAMES }, few), {
    instanceOf: LimitError,
    message: /larger than the 4096 allowed in one write/
  })
})
