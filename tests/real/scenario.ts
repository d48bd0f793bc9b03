/** Runs a fault beside a load, and judges. A seed draws everything that is left to chance. */
import type { ExecutionContext } from 'ava'
import type { WriteConcern } from '../../index.js'
import { describeSeed, pickSeed, seededRandom } from '../support/ports.js'
import { Load } from './load.js'
import { RealCluster, type RealClusterOptions } from './real-cluster.js'

const UINT32 = 2 ** 32
/** Hardly a call is taken by a cluster that is away; a load of fewer shows nothing. */
const LEAST_CALLS = 1000

export interface Scenario extends RealClusterOptions {
  readonly nodes: readonly string[]
  readonly ack: WriteConcern
  readonly run: (cluster: RealCluster, random: () => number) => Promise<void>
}

export async function judge (t: ExecutionContext, scenario: Scenario): Promise<void> {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const source = seededRandom(seed)
  const random = (): number => source.uint32() / UINT32
  const { nodes, ack, run, ...options } = scenario
  const cluster = await RealCluster.start(t, nodes, options)
  await cluster.settled()
  const load = new Load(cluster, { ack, random })
  cluster.onFault = what => load.note(what)
  await load.begin()
  await run(cluster, random)
  const problems = await load.verdict()
  const { calls, errors, faults } = load.truth
  if (problems.length > 0) t.log(faults.map(({ what, atMs }) => `${what} at ${atMs}`).join(', '))
  t.log(`${calls} calls; ${[...errors].map(([code, n]) => `${code} ${n}`).join(', ')}`)
  t.deepEqual(problems.slice(0, 10), [], `${problems.length} mistakes`)
  t.true(calls >= LEAST_CALLS, `${calls} calls`)
}
