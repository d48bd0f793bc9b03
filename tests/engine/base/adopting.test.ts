import test from 'ava'
import { adoptFields } from '../../../engine/base/adopting.js'
import type { Fields } from '../../../engine/base/values.js'
import { limits } from '../../../engine/limits.js'

test('fields from a peer that no writer could have sent are not adopted', t => {
  const bad: unknown[] = [
    null,
    [],
    'text',
    7,
    {},
    { x: NaN },
    { x: Infinity },
    { x: undefined },
    { x: new Date(0) },
    { x: 2n ** 63n },
    { x: new Map() },
    { x: new Set([1]) },
    { x: /a/ },
    { x: [undefined] },
    { x: [new Date(0)] },
    { x: { y: NaN } },
    { '': 1 },
    { ['n'.repeat(limits.maxFieldNameBytes + 1)]: 1 },
    Object.fromEntries(
      Array.from({ length: limits.maxFieldsPerRecord + 1 }, (_, i) => [`f${i}`, i])
    )
  ]
  for (const fields of bad) t.is(adoptFields(fields, limits), null)
  let deep: unknown = 1
  for (let i = 0; i <= limits.maxValueDepth; i++) deep = [deep]
  t.is(adoptFields({ x: deep }, limits), null)
})

test('adopted bytes do not keep their message alive, and nested values are frozen', t => {
  const message = new Uint8Array(1000)
  const fields = adoptFields({
    x: message.subarray(10, 12),
    y: { z: [message.subarray(1, 2)] }
  }, limits) as Fields
  message.fill(7)
  t.deepEqual(fields, { x: Uint8Array.of(0, 0), y: { z: [Uint8Array.of(0)] } })
  t.is((fields['x'] as Uint8Array).buffer.byteLength, 2)
  t.true(Object.isFrozen(fields['y']))
})
