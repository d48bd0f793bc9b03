/**
 * The report on an invariant that does not hold: everything needed to see the failure again, and
 * the last events before it.
 */
import { execFileSync } from 'node:child_process'
import { textOf } from '../../replication/deltas/write-concern.js'
import { describeFault, type Plan } from '../plan/plan.js'
import type { RunResult } from './run-seed.js'

const LAST_EVENTS = 25

export interface Failure {
  readonly result: RunResult
  /** The faults that were enough to fail, by number in the plan of the seed. */
  readonly faults: readonly number[]
  readonly all: Plan
}

export function report ({ result, faults, all }: Failure): string {
  const { plan, violation, last, virtualMs } = result
  const shrunk = faults.length < all.faults.length
  return [
    `FAILED seed ${plan.seed} at ${virtualMs.toFixed(1)} ms of commit ${commit()}`,
    `  invariant: ${violation?.invariant ?? 'none'}`,
    `  detail: ${violation?.detail ?? ''}`,
    `  options: ${
      plan.clusters.map(({ name, nodes, spares, clients, caches }) =>
        `${name}: ${nodes.length} nodes, ${spares.length} spares, ${clients.length} clients, ${
          JSON.stringify(caches)
        }`
      ).join('; ')
    }; ${plan.limits} limits, messages of ${plan.maxMessageBytes} bytes, write concerns ${
      plan.concerns.map(textOf).join(', ')
    }`,
    `  workloads: ${
      plan.writes.map(({ kind, host, cache }) => `${kind} on ${host} (${cache})`).join(', ')
    }; consumers ${plan.consumers.map(({ group }) => group).join(', ') || 'none'}`,
    `  faults${shrunk ? ` (${faults.length} of ${all.faults.length} are enough)` : ''}:`,
    ...faults.map(i => `    ${i}: ${describeFault(all.faults[i] as Plan['faults'][number])}`),
    '  last events:',
    ...last.slice(-LAST_EVENTS).map(line => `    ${line}`),
    `  replay: npm run sim -- --seed ${plan.seed} --ms ${plan.safetyMs}${
      shrunk ? ` --faults ${faults.join(',') || '""'}` : ''
    } --trace`
  ].join('\n')
}

export function summary (result: RunResult, seconds: number): string {
  const { events, virtualMs, writes, acked, guaranteed, delivered, hash } = result
  return `${events} events in ${(virtualMs / 1000).toFixed(1)} virtual s, ` +
    `${Math.round(events / seconds)} events/s; ${writes} writes, ${acked} acknowledged, ` +
    `${guaranteed} of them certain to survive; ${delivered} deliveries; trace ${hash}`
}

function commit (): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    }).trim()
  } catch {
    return 'unknown'
  }
}
