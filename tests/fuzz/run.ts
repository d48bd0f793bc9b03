/**
 * Many rounds, and what came of them. A round has a seed of its own, so one that fails is replayed
 * alone.
 *
 * This is the one place where time is looked at: a merge that takes longer than SLOW_MS is run
 * again, as the machine may have been busy with something else, and is slow only if it takes that
 * long every time.
 */
import { SimRandom } from '../../sim/random.js'
import { tryDecoder } from './decoders.js'
import { runRound, TRIALS_PER_ROUND, type RoundResult, type Trial } from './round.js'

const SLOW_MS = 50
const RETRIES = 2
const DECODERS_PER_ROUND = 20
const MAX_HEX = 2000

export interface Slowest {
  readonly ms: number
  readonly what: string
  readonly round: number
}

export interface FuzzReport {
  readonly seed: number
  readonly updates: number
  readonly decoded: number
  readonly outcomes: ReadonlyMap<string, number>
  /** Per mutation how often it had which outcome; decoders stand behind them. */
  readonly mutations: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly slowest: Slowest
  readonly failures: readonly string[]
  /** Merges that took longer than SLOW_MS every time. */
  readonly slow: readonly string[]
}

export interface FuzzOptions {
  readonly seed: number
  readonly from: number
  readonly rounds: number
  readonly onRound?: (round: number) => void
}

const count = (counts: Map<string, number>, what: string): Map<string, number> =>
  counts.set(what, (counts.get(what) ?? 0) + 1)
const hex = (bytes: Uint8Array): string =>
  `${bytes.length} bytes ${Buffer.from(bytes).toString('hex').slice(0, MAX_HEX)}${
    bytes.length * 2 > MAX_HEX ? '…' : ''
  }`

export function fuzz ({ seed, from, rounds, onRound }: FuzzOptions): FuzzReport {
  const outcomes = new Map<string, number>()
  const mutations = new Map<string, Map<string, number>>()
  const failures: string[] = []
  const slow: string[] = []
  let slowest: Slowest = { ms: 0, what: 'nothing', round: from }
  let updates = 0
  let decoded = 0
  const replay = (round: number): string =>
    `  replay: npm run fuzz -- --seed ${seed} --round ${round}`
  const note = (name: string, outcome: string): void => {
    mutations.set(name, count(mutations.get(name) ?? new Map<string, number>(), outcome))
  }

  for (let round = from; round < from + rounds; round++) {
    const result = runRound(seed, round)
    const { trials, problem } = result
    if (problem !== undefined) {
      failures.push(
        `round ${round}, update ${trials.length}: ${
          describe(trials[trials.length - 1])
        }\n  ${problem}\n${replay(round)}`
      )
    }
    for (const [i, trial] of trials.entries()) {
      updates++
      count(outcomes, trial.outcome)
      note(trial.mutation, trial.outcome)
      const ms = trial.ms > SLOW_MS ? Math.min(trial.ms, ...again(seed, round, i)) : trial.ms
      if (ms > slowest.ms) {
        slowest = {
          ms,
          what: `${trial.mutation}, ${trial.outcome}, ${trial.update.length} bytes`,
          round
        }
      }
      if (ms > SLOW_MS) {
        slow.push(
          `round ${round}, update ${i + 1}: ${ms.toFixed(1)} ms for ${describe(trial)}\n${
            replay(round)
          }`
        )
      }
    }
    const random = new SimRandom(seed).fork(`decoders ${round}`)
    for (let i = 0; i < DECODERS_PER_ROUND; i++) {
      const { decoder, mutation, outcome, bytes, problem: found } = tryDecoder(random)
      decoded++
      note(`decoder: ${decoder}`, outcome)
      if (found !== undefined) {
        failures.push(
          `round ${round}, ${decoder}, ${mutation}: ${hex(bytes)}\n  ${found}\n${replay(round)}`
        )
      }
    }
    onRound?.(round)
  }
  return { seed, updates, decoded, outcomes, mutations, slowest, failures, slow }
}

function again (seed: number, round: number, trial: number): number[] {
  return Array.from({ length: RETRIES }, (): RoundResult => runRound(seed, round)).map((
    { trials }
  ) => trials[trial]?.ms ?? 0)
}

function describe (trial: Trial | undefined): string {
  return trial === undefined
    ? 'before the first update'
    : `${trial.mutation}, ${trial.outcome}: ${hex(trial.update)}`
}

export function roundsFor (updates: number): number {
  return Math.ceil(updates / TRIALS_PER_ROUND)
}

export function printReport (
  { seed, updates, decoded, outcomes, mutations, slowest, failures, slow }: FuzzReport
): string {
  const counts = (of: ReadonlyMap<string, number>): string =>
    [...of].sort(([a], [b]) => a < b ? -1 : 1).map(([outcome, times]) => `${times} ${outcome}`)
      .join(', ')
  return [
    ...[...mutations].sort(([a], [b]) => a < b ? -1 : 1).map(([name, of]) =>
      `  ${name}: ${counts(of)}`
    ),
    `seed ${seed}: ${updates} updates: ${counts(outcomes)}; ${decoded} other inputs decoded`,
    `slowest merge: ${slowest.ms.toFixed(1)} ms (${slowest.what}; round ${slowest.round})`,
    ...slow.map(text => `SLOW ${text}`),
    ...failures.map(text => `FAILED ${text}`),
    failures.length + slow.length === 0
      ? 'all held'
      : `${failures.length} failures, ${slow.length} slow`
  ].join('\n')
}
