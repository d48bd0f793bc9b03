/**
 * Stories that bit other systems, each as a world of its own. A run checks every invariant; a story
 * adds what it is about.
 */
import test, { type ExecutionContext } from 'ava'
import { patch } from '../../../sim/patch.js'
import { runPlan, type RunResult } from '../../../sim/run/run-seed.js'
import { planFor, type Scenario } from '../../../sim/plan/scenario.js'
import { Persister } from '../../../storage/write-behind/persister.js'

async function tell (t: ExecutionContext, scenario: Scenario, minAcked = 20): Promise<RunResult> {
  const result = await runPlan(planFor(scenario))
  t.is(result.violation, undefined, result.violation?.message)
  t.true(result.acked >= minAcked, 'hardly a write was acknowledged')
  return result
}

function took (t: ExecutionContext, { coverage }: RunResult, ...paths: string[]): void {
  for (const path of paths) {
    t.true(coverage.counts.has(path), `the story never came to ${path}: ${coverage.toString()}`)
  }
}

test.serial('a diff in many parts never claims more than it holds', async t => {
  const result = await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1'],
    limits: 'small',
    shape: { shards: 4, groups: 1, replicas: 2 },
    writes: [{ kind: 'bulk', host: 'c1', keys: 40 }, { kind: 'inserts', host: 'n1' }],
    faults: [{ kind: 'crash', atMs: 3000, forMs: 1500, machine: 'n2', disk: 'wiped' }, {
      kind: 'crash',
      atMs: 5500,
      forMs: 1000,
      machine: 'n2',
      disk: 'wiped'
    }]
  })
  took(t, result, 'bootstrap', 'digest-repaired', 'parts')
})

test.serial('a deleted record does not return by an old disk, crash or long partition', async t => {
  await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1'],
    shape: { shards: 4, groups: 2, replicas: 3 },
    writes: [{ kind: 'revive', host: 'c1', pauseMs: 15 }, {
      kind: 'revive',
      host: 'n1',
      pauseMs: 15
    }, { kind: 'revive', host: 'n3', pauseMs: 15 }],
    faults: [
      { kind: 'copy-disk', atMs: 1500, forMs: 0, machine: 'n3' },
      {
        kind: 'partition',
        atMs: 2000,
        forMs: 3000,
        from: ['n3'],
        to: ['n1', 'n2', 'c1'],
        oneWay: false
      },
      { kind: 'crash', atMs: 5500, forMs: 500, machine: 'n3', disk: 'old-copy' },
      { kind: 'crash-all', atMs: 6500, forMs: 200, cluster: 'alpha' }
    ]
  })
})

test.serial('a cursor neither rewinds nor skips when its shards move', async t => {
  const result = await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    spares: ['s1'],
    clients: ['c1'],
    writes: [{ kind: 'inserts', host: 'c1' }, { kind: 'registers', host: 'n1' }],
    consumers: [{ lifeMs: 800 }, { lifeMs: 3000, batchSize: 3, ratePerSecond: 200 }],
    faults: [
      { kind: 'join', atMs: 1500, forMs: 2500, machine: 's1' },
      { kind: 'leave', atMs: 2500, forMs: 1500, machine: 'n2' },
      { kind: 'leave', atMs: 5000, forMs: 1000, machine: 'n3' },
      { kind: 'join', atMs: 5500, forMs: 1500, machine: 's1' }
    ]
  })
  took(t, result, 'hand-over', 'consumer-restarted', 'member-left goodbye')
})

test.serial('no record is dropped when members flap and groups move back and forth', async t => {
  const result = await tell(t, {
    nodes: ['n1', 'n2', 'n3', 'n4'],
    clients: ['c1'],
    writes: [{ kind: 'inserts', host: 'c1' }, { kind: 'inserts', host: 'n2' }],
    consumers: [{}],
    faults: [{ kind: 'flap', atMs: 1000, forMs: 3000, machine: 'n1' }, {
      kind: 'flap',
      atMs: 3000,
      forMs: 4000,
      machine: 'n3'
    }]
  })
  took(t, result, 'member-left silent', 'hand-over')
})

test.serial('two owners that do not see each other both take writes, and agree later', async t => {
  await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1', 'c2'],
    concerns: ['buffered'],
    shape: { shards: 4, groups: 2, replicas: 2 },
    writes: [{ kind: 'registers', host: 'c1' }, { kind: 'registers', host: 'c2' }, {
      kind: 'registers',
      host: 'n1'
    }, { kind: 'registers', host: 'n2' }],
    consumers: [{ lifeMs: 2000 }],
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

test.serial('all nodes start at once from old disks', async t => {
  await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1'],
    shape: { shards: 64, groups: 4, replicas: 2 },
    concerns: ['durable', 'majority'],
    writes: [{ kind: 'bulk', host: 'c1', keys: 30 }, { kind: 'revive', host: 'c1' }],
    consumers: [{}],
    faults: [{ kind: 'crash-all', atMs: 2500, forMs: 100, cluster: 'alpha' }, {
      kind: 'crash-all',
      atMs: 4000,
      forMs: 50,
      cluster: 'alpha'
    }, { kind: 'crash-all', atMs: 6000, forMs: 1000, cluster: 'alpha' }]
  })
})

test.serial('a slow consumer costs nobody anything, and still sees the end', async t => {
  const result = await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1', 'c2'],
    limits: 'small',
    writes: [{ kind: 'hot', host: 'c1', pauseMs: 10 }, { kind: 'bulk', host: 'c2', keys: 20 }],
    consumers: [{ ratePerSecond: 10, batchSize: 1 }, {}]
  })
  took(t, result, 'compacted')
})

test.serial('a busy writer does not keep a quiet one from being read', async t => {
  await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1'],
    shape: { shards: 1, groups: 1, replicas: 2 },
    concerns: ['buffered'],
    writes: [{ kind: 'hot', host: 'n1', pauseMs: 5 }, {
      kind: 'inserts',
      host: 'n2',
      pauseMs: 100
    }],
    consumers: [{ batchSize: 2, ratePerSecond: 100 }]
  })
})

test.serial('a clock that is far ahead or behind does not make replicas differ', async t => {
  const result = await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1'],
    concerns: ['buffered', 'majority'],
    writes: [{ kind: 'inserts', host: 'n1' }, { kind: 'hot', host: 'n2' }, {
      kind: 'registers',
      host: 'c1'
    }],
    consumers: [{}],
    faults: [
      { kind: 'clock-jump', atMs: 1000, forMs: 0, machine: 'n1', byMs: 90_000 },
      { kind: 'clock-jump', atMs: 1500, forMs: 0, machine: 'n2', byMs: -90_000 },
      { kind: 'clock-freeze', atMs: 2000, forMs: 3000, machine: 'n3' },
      { kind: 'clock-skew', atMs: 2000, forMs: 4000, machine: 'c1', rate: 2 }
    ]
  })
  took(t, result, 'write VERSION_IN_FUTURE')
  t.false(result.coverage.counts.has('clock-ahead'), 'the median of three is right (SPEC T3)')
})

test.serial('a node alone with a clock that is ahead does not make replicas differ', async t => {
  const result = await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1'],
    concerns: ['buffered', 'durable'],
    writes: [{ kind: 'inserts', host: 'n1' }, { kind: 'hot', host: 'n1' }, {
      kind: 'bulk',
      host: 'c1'
    }],
    consumers: [{}],
    faults: [
      { kind: 'crash', atMs: 1000, forMs: 9000, machine: 'n2', disk: 'kept' },
      { kind: 'clock-jump', atMs: 1500, forMs: 0, machine: 'n1', byMs: 86_400_000 },
      { kind: 'crash', atMs: 2000, forMs: 100, machine: 'n1', disk: 'kept' }
    ]
  })
  took(t, result, 'clock-ahead')
})

test.serial('a node that lost its tail, or everything, never gives out a dot twice', async t => {
  await tell(t, {
    nodes: ['n1', 'n2'],
    clients: ['c1'],
    shape: { shards: 4, groups: 2, replicas: 2 },
    concerns: ['buffered', 'majority'],
    writes: [{ kind: 'inserts', host: 'n1' }, { kind: 'hot', host: 'n1' }, {
      kind: 'registers',
      host: 'c1'
    }],
    consumers: [{}],
    faults: [
      { kind: 'slow-disk', atMs: 800, forMs: 2000, machine: 'n1' },
      { kind: 'crash', atMs: 1500, forMs: 300, machine: 'n1', disk: 'kept' },
      { kind: 'crash', atMs: 3500, forMs: 300, machine: 'n1', disk: 'wiped' },
      { kind: 'crash', atMs: 5500, forMs: 300, machine: 'n1', disk: 'bit-flip' }
    ]
  })
})

test.serial('two processes under one name: one is refused, and nothing is lost', async t => {
  const result = await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1'],
    shape: { shards: 4, groups: 2, replicas: 3 },
    writes: [{ kind: 'inserts', host: 'c1' }, { kind: 'revive', host: 'n2' }],
    consumers: [{}],
    faults: [{ kind: 'twin', atMs: 2000, forMs: 2000, machine: 'n1' }, {
      kind: 'pause',
      atMs: 4900,
      forMs: 800,
      machine: 'n1'
    }, { kind: 'twin', atMs: 5000, forMs: 1500, machine: 'n1' }]
  })
  took(t, result, 'start-refused')
})

for (const [how, isCut] of [['stood still', false], ['was cut off', true]] as const) {
  test.serial(`a node that ${how} was replaced: it hands over and ends (SPEC R17)`, async t => {
    for (const clockByMs of [0, -60_000]) {
      const result = await tell(t, {
        nodes: ['n1', 'n2', 'n3'],
        clients: ['c1'],
        shape: { shards: 8, groups: 4, replicas: 2 },
        concerns: ['durable'],
        writes: [{ kind: 'inserts', host: 'n1', pauseMs: 30 }, { kind: 'ended', host: 'c1' }, {
          kind: 'ended',
          host: 'n1'
        }, { kind: 'kept', host: 'c1' }],
        consumers: [{}],
        faults: [{
          kind: 'replace',
          atMs: 3000,
          forMs: 5000,
          machine: 'n1',
          isCut,
          clockByMs
        }]
      })
      took(t, result, 'gave-way', 'member-left silent')
    }
  })
}

test.serial('what two stores have survives the power and one of the disks (SPEC K6)', async t => {
  const result = await tell(t, {
    nodes: ['n1', 'n2', 'n3'],
    clients: ['c1'],
    shape: { shards: 8, groups: 4, replicas: 2 },
    concerns: [{ durable: 2 }],
    writes: [{ kind: 'inserts', host: 'c1', pauseMs: 40 }, {
      kind: 'inserts',
      host: 'n2',
      pauseMs: 40
    }, { kind: 'ended', host: 'c1' }],
    faults: ['n1', 'n2'].map((wiped, i) => ({
      kind: 'crash-at-ack',
      atMs: 3000 + i * 3000,
      forMs: 500,
      cluster: 'alpha',
      wiped
    }))
  })
  took(t, result, 'crash-at-ack wiped')
})

test.serial('a put that is too large is refused, and nothing else notices (SPEC B2)', async t => {
  for (const limits of ['usual', 'small'] as const) {
    const result = await tell(t, {
      nodes: ['n1', 'n2'],
      clients: ['c1'],
      limits,
      ms: 4000,
      concerns: ['buffered', 'majority'],
      writes: [{ kind: 'oversize', host: 'c1', pauseMs: 200 }, {
        kind: 'oversize',
        host: 'n1',
        pauseMs: 200
      }, { kind: 'inserts', host: 'c1' }],
      consumers: [{}]
    })
    took(t, result, 'write LIMIT_EXCEEDED')
    t.deepEqual(
      ['write TIMEOUT', 'write CLOSED', 'write-resent', 'reconnected', 'write-failed'].filter(
        path => result.coverage.counts.has(path)
      ),
      []
    )
  }
})

test.serial('ten thousand idle watchers cost a node nothing that grows (SPEC C7)', async t => {
  // Every watcher has timers of its own on the client, and is handed every record: a slow pace and
  // few records keep that cheap.
  const records = 4
  const world = (watchers: number): Scenario => ({
    nodes: ['n1', 'n2'],
    clients: ['c1', 'c2'],
    ms: 1000,
    pace: 'slow',
    shape: { shards: 1, groups: 1, replicas: 2 },
    losesHints: false,
    writes: [{ kind: 'bulk', host: 'c1', keys: records / 4 }],
    consumers: Array.from(
      { length: watchers },
      (_, i) => ({ host: 'c2', group: `watcher-${i}`, commitChance: 0 })
    )
  })
  const few = await tell(t, world(1), records)
  const many = await tell(t, world(10_000), records)
  t.true(many.delivered >= 10_000 * records)
  t.deepEqual([...many.kept], [...few.kept])
})

test.serial('a store that is written to for ever follows the live records (SPEC S3)', async t => {
  const scenario: Scenario = {
    nodes: ['n1', 'n2'],
    clients: ['c1'],
    ms: 20_000,
    shape: { shards: 2, groups: 1, replicas: 2 },
    writes: ['n1', 'n2', 'c1'].flatMap(host =>
      [{ kind: 'registers', host, keys: 10 }, { kind: 'revive', host, keys: 10 }, {
        kind: 'hot',
        host,
        pauseMs: 10
      }] as const
    ),
    faults: [{ kind: 'crash', atMs: 5000, forMs: 500, machine: 'n1', disk: 'kept' }, {
      kind: 'crash-all',
      atMs: 12_000,
      forMs: 300,
      cluster: 'alpha'
    }]
  }
  const { writes } = await tell(t, scenario)
  t.true(writes > 3000, `only ${writes} writes`)
  // And one that folds nothing would be found.
  const undo = patch(Persister.prototype, 'wantsSnapshot', () => () => false)
  const { violation } = await runPlan(planFor(scenario)).finally(undo)
  t.is(violation?.invariant, 'a store follows the live records')
})
