/**
 * Answers the questions of peers about one cache (peer-protocol.ts). Answering only reads: a peer
 * that lacks something asks for it and merges it itself.
 */
import * as v from '../../engine/base/schema.js'
import { covers, decodeStateVector, encodeStateVector,
  type StateVector } from '../../engine/base/state-vector.js'
import type { ShardVectors } from '../../engine/changes.js'
import { EnvelopeError, UnavailableError } from '../../engine/errors.js'
import { canPatch, encodeFloor } from '../../engine/garbage/floor.js'
import type { Shard } from '../../engine/shard.js'
import type { Present } from '../../storage/residency/residency.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { Persister } from '../../storage/write-behind/persister.js'
import type { CacheContext } from '../contexts.js'
import type { Outbox } from '../deltas/outbox.js'
import type { HeldGroups } from '../groups/held-groups.js'
import type { Roster } from '../groups/roster.js'
import { NO_ANSWER } from '../messages/messenger.js'
import { peerQuestionWithin, type PeerAnswer, type PeerOp, type PeerQuestion,
  type ShardDiff } from './peer-protocol.js'

export interface PeerServerParts {
  readonly shards: ShardSet
  readonly outbox: Outbox
  readonly held: HeldGroups
  readonly roster: Roster
  readonly persister: Pick<Persister, 'synced'>
}

export class PeerServer {
  readonly #context: CacheContext
  readonly #parts: PeerServerParts
  readonly #question: ReturnType<typeof peerQuestionWithin>

  constructor (context: CacheContext, parts: PeerServerParts) {
    this.#context = context
    this.#parts = parts
    this.#question = peerQuestionWithin(context.limits)
  }

  /**
   * Answers a peer's question as it came off the wire, unless it is for another process life of
   * this name.
   * @throws EnvelopeError when it is not shaped as a question; StoreError
   */
  async answer (value: unknown): Promise<unknown> {
    const parsed = v.safeParse(this.#question, value)
    if (!parsed.success) {
      throw new EnvelopeError('shape', 'the question is not shaped as it should be')
    }
    if (parsed.output.to !== this.#context.self.incarnation) return NO_ANSWER
    const answer = this.#answer(parsed.output)
    // The peer is about to forget its replica, on disk as well: only a durable replica replaces it.
    if (parsed.output.op === 'covers') await this.#parts.persister.synced()
    return answer
  }

  #answer (question: PeerQuestion): PeerAnswer<PeerOp> {
    const { topology } = this.#context
    const { shards } = this.#parts
    switch (question.op) {
      case 'resend':
        return this.#resend(question.groups)
      case 'digests':
        return this.#digests(question.groups)
      case 'diffs':
        return this.#diffs(question.shards)
      case 'covers':
        return { lacking: this.#lacking(question) }
      case 'vectors':
        return question.shards.map(shard => [shard, encodeStateVector(shards.known(shard))])
      case 'roster':
        return question.groups.flatMap(group => this.#parts.roster.goneOf(group))
      case 'cursors':
        return question.groups.flatMap(group => shards.cursors.of(topology.shardsOf(group)))
    }
  }

  #resend (groups: ReadonlyArray<readonly [number, number]>): PeerAnswer<'resend'> {
    const answer: PeerAnswer<'resend'> = []
    let bytes = 0
    for (const [group, from] of groups) {
      const batches = this.#parts.outbox.batchesFrom(group, from)
      const size = batches === null
        ? 0
        : batches.reduce(
          (sum, { deltas }) => sum + deltas.reduce((all, [, delta]) => all + delta.length, 0),
          0
        )
      if (bytes > 0 && bytes + size > this.#context.limits.maxDiffReplyBytes) break
      bytes += size
      answer.push([group, batches])
    }
    return answer
  }

  #digests (groups: ReadonlyArray<readonly [number, string]>): PeerAnswer<'digests'> {
    const { topology } = this.#context
    const { shards, outbox, held } = this.#parts
    return groups.filter(([group]) => held.has(group)).map(([group, root]) => {
      const same = shards.root(group) === root
      return [group, outbox.sequence(group), same ? null : topology.shardsOf(group).map(shard =>
        shards.digest(shard)
      )]
    })
  }

  #diffs (wanted: ReadonlyArray<readonly [number, Uint8Array]>): PeerAnswer<'diffs'> {
    const { shards } = this.#parts
    const { limits } = this.#context
    const answer: PeerAnswer<'diffs'> = { diffs: [], rest: [] }
    let bytes = 0
    for (const [shard, sv] of wanted) {
      const residency = shards.at(shard)
      if (residency.state === 'absent') continue
      if (bytes >= limits.maxDiffReplyBytes) {
        answer.rest.push(shard)
        continue
      }
      const diff = this.#diffOf(residency, decodeStateVector(sv, limits))
      if (diff === null) continue
      const { length } = diff.update
      if (length > limits.maxUpdateBytes) {
        throw new UnavailableError(
          `shard ${shard} takes ${length} bytes, more than the ${limits.maxUpdateBytes} that can ` +
            'be sent at once; use more shards'
        )
      }
      bytes += length
      answer.diffs.push(diff)
    }
    return answer
  }

  /** A cold shard is read back only when its row says that there is something to send. */
  #diffOf (residency: Present, since: StateVector): ShardDiff | null {
    switch (residency.state) {
      case 'resident':
        return diffOf(residency.shard, since, () => residency.shard)
      case 'cold':
        return diffOf(residency.row, since, () => this.#parts.shards.hydrate(residency.row))
    }
  }

  #lacking ({ shards, cursors }: Extract<PeerQuestion, { op: 'covers' }>): number[] {
    const committed = this.#parts.shards.cursors
    const lacking = new Set(
      shards.filter(([shard, sv]) => !this.#covers(shard, sv)).map(([shard]) => shard)
    )
    for (const [shard, consumerGroup, cursor] of cursors) {
      if (!committed.covers(shard, consumerGroup, cursor)) lacking.add(shard)
    }
    return [...lacking]
  }

  /** A replica counts only where it is ready: there this node means to keep the group. */
  #covers (shard: number, sv: Uint8Array): boolean {
    const { topology, limits } = this.#context
    const { shards, held } = this.#parts
    return held.phase(topology.groupOf(shard)) === 'ready' &&
      covers(shards.known(shard), decodeStateVector(sv, limits))
  }
}

/**
 * The diff for a replica that has seen `since`, or null when it lacks nothing of the shard.
 * @param inMemory the shard itself, asked for only when there is something to send
 */
function diffOf (
  { shard, stateVector, known, floor }: ShardVectors & { readonly shard: number },
  since: StateVector,
  inMemory: () => Shard
): ShardDiff | null {
  const retired = [...floor.below].filter(([incarnation, end]) =>
    !stateVector.has(incarnation) && since.get(incarnation) === end
  )
  if (!canPatch(floor, since)) {
    return {
      shard,
      update: inMemory().encode(),
      known: encodeStateVector(known),
      floor: encodeFloor(floor),
      retired
    }
  }
  if (covers(since, stateVector) && retired.length === 0) return null
  return {
    shard,
    update: inMemory().encode(since),
    known: encodeStateVector(known),
    floor: null,
    retired
  }
}
