/**
 * Stories of fields that are more than registers, each as a world of its own, and what their judges
 * turn down.
 */
import test, { type ExecutionContext } from 'ava'
import type { Bodies, FieldKey } from '../../../sim/fields/field-op.js'
import { keyOf } from '../../../sim/fields/field-op.js'
import { Model } from '../../../sim/model.js'
import { runPlan, type RunResult } from '../../../sim/run/run-seed.js'
import { planFor, type Scenario } from '../../../sim/plan/scenario.js'
import type { Fields } from '../../../engine/base/values.js'

const INDEXES = { country: 'equality', price: 'range' } as const

async function tell (t: ExecutionContext, scenario: Scenario): Promise<RunResult> {
  const result = await runPlan(planFor(scenario))
  t.is(result.violation, undefined, result.violation?.message)
  t.true(result.acked >= 20, 'hardly an operation was acknowledged')
  return result
}

test.serial('an increment counts once, whatever nodes and messages do (SPEC E15, R11)', async t => {
  const { coverage } = await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1', 'c2'],
    shape: { shards: 4, groups: 2, replicas: 2 },
    concerns: ['buffered', 'majority'],
    writes: [...['c1', 'c2', 'n1', 'n2'].map(host => ({ kind: 'counters', host } as const)), {
      kind: 'ownCounter',
      host: 'n1'
    }, { kind: 'ownCounter', host: 'c1' }, { kind: 'reads', host: 'c2' }],
    consumers: [{ lifeMs: 2000 }],
    faults: [
      {
        kind: 'links',
        atMs: 500,
        forMs: 6000,
        links: { loss: 0.05, duplicate: 0.3, reorder: 0.3, late: 0.05, lateMs: 1000 }
      },
      { kind: 'leave', atMs: 2500, forMs: 1500, machine: 'n2' },
      {
        kind: 'partition',
        atMs: 4500,
        forMs: 1500,
        from: ['n3', 'c2'],
        to: ['n1', 'n2', 'c1'],
        oneWay: false
      }
    ]
  })
  t.true(coverage.counts.has('operation OUTCOME_UNKNOWN'), 'no outcome was ever unknown')
})

test.serial('sets, bounds and sequenced fields agree after partitions (SPEC E16, E17)', async t => {
  await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1', 'c2'],
    shape: { shards: 4, groups: 2, replicas: 2 },
    concerns: ['buffered'],
    writes: (['sets', 'bounds', 'sequenced'] as const).flatMap(kind =>
      ['n1', 'n2', 'c1', 'c2'].map(host => ({ kind, host, pauseMs: 100, keys: 3 }))
    ),
    consumers: [{ lifeMs: 1000 }],
    faults: [{
      kind: 'partition',
      atMs: 1500,
      forMs: 4000,
      from: ['n1', 'c1'],
      to: ['n2', 'c2'],
      oneWay: false
    }]
  })
})

test.serial('expired fields are gone in time, told of, not found (SPEC E20, E23, C10)', async t => {
  const { coverage } = await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1'],
    pace: 'collecting',
    shape: { shards: 4, groups: 2, replicas: 2, indexes: INDEXES },
    writes: [
      ...(['expiring', 'indexed'] as const).flatMap(kind =>
        ['n1', 'c1'].map(host => ({ kind, host, pauseMs: 80 }))
      ),
      { kind: 'reads', host: 'n2' }
    ],
    consumers: [{}],
    faults: [
      { kind: 'clock-jump', atMs: 1000, forMs: 0, machine: 'n1', byMs: 30_000 },
      { kind: 'clock-jump', atMs: 2000, forMs: 0, machine: 'n2', byMs: -30_000 },
      { kind: 'crash', atMs: 4000, forMs: 500, machine: 'n3', disk: 'kept' }
    ]
  })
  t.true((coverage.counts.get('read query') ?? 0) > 10, 'queries found next to nothing')
})

/** Operations that were all acknowledged, one after the other, and what is read after them. */
function judged<K extends FieldKey> (
  kind: K,
  bodies: ReadonlyArray<Bodies[K]>,
  fields: Fields | undefined
): string | null {
  const model = new Model()
  const key = keyOf('alpha', 'offers', kind, 'k')
  bodies.forEach((body, i) => {
    const op = model.fields.submit<K>({
      place: 'alpha/offers',
      key,
      body,
      concern: 'majority',
      needed: 2,
      submittedMs: i
    })
    Object.assign(op, { outcome: 'acked', ackedMs: i + 0.5, endedMs: i + 0.5 })
  })
  return model.judge('alpha/offers', key, fields, true)
}

test('a judge takes what its operations allow and turns down the rest', t => {
  const increments = [{ field: 'n', by: 5 }, { field: 'n', by: -2 }]
  t.is(judged('counter', increments, { n: 3 }), null)
  for (const n of [5, 1, 8]) t.regex(judged('counter', increments, { n }) ?? '', /must be 3/)

  const own = [{ by: 5, resets: false, seen: true }, { by: 0, resets: true, seen: true }, {
    by: 2,
    resets: false,
    seen: true
  }]
  t.is(judged('own', own, { n: 2 }), null)
  t.regex(judged('own', own, { n: 7 }) ?? '', /must be 2/)

  const ended = [{ by: 5 }, { ends: true }, { by: 2 }, { adds: 'x', seen: true }, { adds: 'y' }, {
    removes: 'x'
  }]
  t.is(judged('ended', ended, { n: 2, tags: ['y'] }), null)
  t.regex(judged('ended', ended, { n: 7, tags: ['y'] }) ?? '', /must be 2/)
  t.regex(judged('ended', ended, { tags: ['y'] }) ?? '', /must be 2/)
  t.regex(judged('ended', ended, { n: 2, tags: ['x', 'y'] }) ?? '', /x is back/)
  t.regex(judged('ended', ended, { n: 2 }) ?? '', /y is missing/)

  const add = { add: true, elements: ['x'], seen: true }
  const remove = { add: false, elements: ['x'], seen: true }
  t.is(judged('set', [add], { tags: ['x'] }), null)
  t.regex(judged('set', [add], undefined) ?? '', /is missing/)
  t.regex(judged('set', [add, remove], { tags: ['x'] }) ?? '', /is back/)
  t.regex(judged('set', [add, remove, add], undefined) ?? '', /is missing/)
  t.is(judged('set', [add, { ...remove, seen: false }], { tags: ['x'] }), null)
  t.regex(judged('set', [add], { tags: ['x', 'y'] }) ?? '', /never added/)

  t.regex(
    judged('bound', [{ field: 'max', value: 3 }, { field: 'max', value: 2 }], { max: 2 }) ?? '',
    /lacks/
  )
  t.regex(judged('bound', [{ field: 'min', value: 3 }], { min: 1 }) ?? '', /never set/)
  t.regex(
    judged('sequenced', [{ sequence: 2, value: 'event 2' }, { sequence: 1, value: 'event 1' }], {
      price: 'event 1'
    }) ?? '',
    /is older/
  )

  const put = { order: 1, sets: { a: '1' }, unsets: [], clears: false }
  t.is(judged('dated', [put], { a: '1' }), null)
  t.regex(judged('dated', [put], undefined) ?? '', /is missing/)
  t.regex(judged('dated', [{ ...put, ends: 'soon' }], { a: '1' }) ?? '', /has expired/)
  t.regex(
    judged('dated', [put, { ...put, order: 2, sets: {}, unsets: ['a'] }], { a: '1' }) ?? '',
    /older write/
  )
})
