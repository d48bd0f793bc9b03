/**
 * Reads many records with few questions: keys are gathered by the node that is asked first for
 * them, and asked for in pieces. Where large records fill an answer early, the rest is asked for
 * again. A node that turns out not to answer, or no longer to hold all of them, costs its piece one
 * question per placement group.
 */
import type { Call, CallOptions } from '../../../engine/calls/call.js'
import { AbortedError, EnvelopeError, LimitError, MillpondError } from '../../../engine/errors.js'
import type { Limits } from '../../../engine/limits.js'
import { groupedBy } from '../../../engine/base/grouped.js'
import { piecesOf } from '../../../engine/base/pieces.js'
import { describe } from '../../../engine/base/plain.js'
import { checkKey, type Fields } from '../../../engine/base/values.js'
import { turnsOf } from '../../../engine/turns.js'
import type { ReadContext } from '../../context.js'
import type { ReadReply } from '../request-protocol.js'
import type { Router } from '../../../replication/membership/router.js'
import type { Replicator } from '../../../replication/replicator.js'

interface WantedKey {
  readonly key: string
  readonly group: number
}
type Answer = ReadReply<'get'>[number]
/** Keys that are asked for together, of the node that is asked first. */
interface Piece {
  readonly holder: string | undefined
  readonly asked: readonly WantedKey[]
}
type Found = Map<string, Answer>

/**
 * @param local the replica on this node, when it runs the cache
 * @param keys checked ones (checkKeys)
 * @param options bound the whole of it
 * @returns per key its record, or undefined when there is none, in the order of the keys
 * @throws UnavailableError or TimeoutError when no holder of a key answers
 */
export async function getMany (
  readers: ReadContext,
  local: Replicator | undefined,
  keys: readonly string[],
  options: CallOptions = {}
): Promise<Array<Fields | undefined>> {
  const found: Found = new Map()
  const call = readers.requests.begin(options)
  const { router, limits, ports } = readers
  const elsewhere = await turnsOf(ports).run(
    () => missing(router, local, [...new Set(keys)], found)
  )
  const pieces = cut(readers, elsewhere)
  let next = 0
  const lane = async (): Promise<void> => {
    for (let piece = pieces[next++]; piece !== undefined; piece = pieces[next++]) {
      await askFor(readers, piece, found, call)
    }
  }
  await Promise.all(Array.from({ length: Math.min(limits.maxGetsInFlight, pieces.length) }, lane))
  return keys.map(key => found.get(key) ?? undefined)
}

/** @throws TypeError, ValueError, LimitError */
export function checkKeys (keys: unknown, limits: Limits): readonly string[] {
  if (!Array.isArray(keys)) throw new TypeError(`keys must be an array, got ${describe(keys)}`)
  if (keys.length > limits.maxKeysPerRead) {
    throw new LimitError(
      `${keys.length} keys in one read, at most ${limits.maxKeysPerRead} are allowed`
    )
  }
  return Array.from(keys, key => checkKey(key, limits)) // also visits holes
}

/** Takes what this node has, and names what others have to be asked for. */
function missing (
  router: Router,
  local: Replicator | undefined,
  keys: readonly string[],
  found: Found
): WantedKey[] {
  const { topology } = router
  const elsewhere: WantedKey[] = []
  for (const key of keys) {
    const shard = topology.shardOf(key)
    const group = topology.groupOf(shard)
    if (local?.held.phase(group) === 'ready') {
      found.set(key, local.shards.record(shard, key) ?? null)
    } else elsewhere.push({ key, group })
  }
  return elsewhere
}

function cut (
  { router, limits }: ReadContext,
  asked: readonly WantedKey[]
): Piece[] {
  const byHolder = groupedBy(asked, ({ group }) => router.holders(group)[0])
  return [...byHolder].flatMap(([holder, all]) =>
    piecesOf(all, limits.maxKeysPerGet).map(some => ({ holder, asked: some }))
  )
}

async function askFor (
  { router, requests }: ReadContext,
  { holder, asked }: Piece,
  found: Found,
  call: Call
): Promise<void> {
  if (holder !== undefined) {
    try {
      await takeAll(
        asked,
        found,
        keys => requests.ask(holder, 'get', { cache: router.cache, keys }, call, 2)
      )
      return
    } catch (error) {
      if (!(error instanceof MillpondError) || !error.retryable) throw error
      if (error instanceof AbortedError) throw error
    }
  }
  for (const [group, some] of groupedBy(asked, one => one.group)) {
    await takeAll(
      some,
      found,
      keys => requests.askHolder(router, group, 'get', { cache: router.cache, keys }, call)
    )
  }
}

async function takeAll (
  asked: readonly WantedKey[],
  found: Found,
  ask: (keys: string[]) => Promise<readonly Answer[]>
): Promise<void> {
  for (let left = asked.map(({ key }) => key); left.length > 0;) {
    const answers = await ask(left)
    if (answers.length === 0 || answers.length > left.length) {
      throw new EnvelopeError(
        'shape',
        `asked for ${left.length} records, and got ${answers.length}`
      )
    }
    answers.forEach((answer, i) => found.set(left[i] as string, Object.freeze(answer)))
    left = left.slice(answers.length)
  }
}
