// Each simulated world carries its bounds: two worlds of one process keep to their own, and bounds
// that are smaller are met.
import test from 'ava'
import { limits } from '../../../engine/limits.js'
import { planFor } from '../../../sim/plan/scenario.js'
import { runPlan } from '../../../sim/run/run-seed.js'
import { limitsOf } from '../../../sim/world/small-limits.js'

const plan = (which: 'usual' | 'small') =>
  planFor({
    ms: 1500,
    nodes: ['n1', 'n2'],
    clients: ['c1'],
    limits: which,
    writes: [{ kind: 'bulk', host: 'c1', keys: 40 }, { kind: 'hot', host: 'n1' }]
  })

test('two worlds that run at once come out as they do alone', async t => {
  const [small, usual] = [await runPlan(plan('small')), await runPlan(plan('usual'))]
  t.is(small.violation, undefined)
  t.is(usual.violation, undefined)
  t.not(small.hash, usual.hash)
  const together = await Promise.all([runPlan(plan('small')), runPlan(plan('usual'))])
  t.deepEqual(together.map(({ hash }) => hash), [small.hash, usual.hash])
})

test('the usual bounds cannot be changed, and small ones are a value beside them', t => {
  t.true(Object.isFrozen(limits))
  t.true(Object.isFrozen(limitsOf('small')))
  t.is(limitsOf('usual'), limits)
  t.true(limitsOf('small').maxPartBytes < limits.maxPartBytes)
})
