/**
 * Stories of other systems about deletes that came back, or that somebody was never told of. Each
 * drops tombstones on the way, and is told to all checkers under a few seeds.
 */
import test, { type ExecutionContext } from 'ava'
import { runPlan, type RunResult } from '../../../sim/run/run-seed.js'
import { planFor, type Scenario } from '../../../sim/plan/scenario.js'

const SEEDS = [1, 2, 3]

/** @param paths what has to have happened in every run, or the story was not told */
async function tell (
  t: ExecutionContext,
  scenario: Scenario,
  ...paths: string[]
): Promise<RunResult[]> {
  const results = []
  for (const seed of SEEDS) {
    const result = await runPlan(planFor({ ...scenario, seed }))
    const { violation, coverage } = result
    results.push(result)
    t.is(violation, undefined, `seed ${seed}: ${violation?.message}`)
    for (const path of ['tombstones-collected', ...paths]) {
      t.true(
        coverage.counts.has(path),
        `seed ${seed} never came to ${path}: ${coverage.toString()}`
      )
    }
  }
  return results
}

/** Everybody writes and deletes the same few records. */
const fighting = (...hosts: string[]): Scenario['writes'] =>
  hosts.map(host => ({ kind: 'revive', host, pauseMs: 30, keys: 12 }))
const WHOLE = { shards: 4, groups: 2, replicas: 3 }

test.serial('a tombstone is kept while an absent replica has not seen it (SPEC E21)', async t => {
  const results = await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1'],
    shape: WHOLE,
    pace: 'collecting',
    ms: 14_000,
    writes: fighting('c1', 'n1', 'n3'),
    consumers: [{}],
    faults: [{
      kind: 'partition',
      atMs: 4000,
      forMs: 7000,
      from: ['n3'],
      to: ['n1', 'n2', 'c1'],
      oneWay: false
    }]
  })
  for (const { coverage } of results) {
    t.false(coverage.counts.has('shard-reset'), 'nobody has to be told to start over')
  }
})

test.serial('a partition that outlasts the tombstones brings nothing back (SPEC E21)', async t => {
  await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1'],
    shape: WHOLE,
    pace: 'forgetting',
    ms: 14_000,
    concerns: ['buffered', 'majority'],
    writes: fighting('c1', 'n1', 'n3'),
    consumers: [{}],
    faults: [{
      kind: 'partition',
      atMs: 3000,
      forMs: 8000,
      from: ['n3'],
      to: ['n1', 'n2', 'c1'],
      oneWay: false
    }]
  }, 'shard-reset')
})

test.serial('purged records stay gone after crashes and old disks (SPEC E21)', async t => {
  await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1'],
    shape: WHOLE,
    pace: 'collecting',
    ms: 16_000,
    concerns: ['majority'],
    writes: fighting('c1', 'n1'),
    consumers: [{}],
    faults: [
      { kind: 'copy-disk', atMs: 3000, forMs: 0, machine: 'n3' },
      { kind: 'crash-all', atMs: 8000, forMs: 200, cluster: 'alpha' },
      { kind: 'crash', atMs: 11_000, forMs: 600, machine: 'n3', disk: 'old-copy' },
      { kind: 'crash-all', atMs: 13_000, forMs: 200, cluster: 'alpha' }
    ]
  }, 'old-copy')
})

test.serial('an event from before a purged delete does not survive it (SPEC E21)', async t => {
  await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1', 'c2'],
    shape: { shards: 4, groups: 2, replicas: 2 },
    pace: 'forgetting',
    ms: 12_000,
    concerns: ['buffered', 'majority'],
    writes: [...fighting('c1', 'c2', 'n1', 'n2'), { kind: 'registers', host: 'c2', pauseMs: 30 }],
    consumers: [{}],
    faults: [{
      kind: 'links',
      atMs: 2000,
      forMs: 8000,
      links: { loss: 0.1, duplicate: 0.1, reorder: 0.3, late: 0.05, lateMs: 4000 }
    }]
  })
})

test.serial('a consumer that missed forgotten deletes is told to restart (SPEC C11)', async t => {
  await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1', 'c2'],
    shape: { shards: 4, groups: 2, replicas: 2 },
    pace: 'forgetting',
    ms: 14_000,
    writes: fighting('c1', 'n1'),
    consumers: [{ host: 'c2', lifeMs: 60_000, commitChance: 1 }, {}],
    faults: [{
      kind: 'partition',
      atMs: 3000,
      forMs: 8000,
      from: ['c2'],
      to: ['n1', 'n2'],
      oneWay: false
    }]
  }, 'consumer-reset')
})

test.serial('ended lives leave the state vector, however many restarts (SPEC E22)', async t => {
  await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1'],
    shape: { shards: 2, groups: 1, replicas: 2 },
    pace: 'collecting',
    limits: 'small',
    ms: 16_000,
    writes: fighting('n1', 'n2', 'c1'),
    faults: Array.from(
      { length: 24 },
      (
        _,
        i
      ) => ({
        kind: 'crash',
        atMs: 500 + i * 600,
        forMs: 100,
        machine: i % 2 === 0 ? 'n1' : 'n2',
        disk: 'kept'
      } as const)
    )
  }, 'incarnations-retired')
})
