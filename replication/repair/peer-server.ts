/**
 * Answers what peers ask about one cache (see peer-protocol.ts). Reads only: whoever lacks
 * something asks for it and merges it itself.
 */
import type { ShardVectors } from '../../engine/changes.js'
import { UnavailableError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import { canPatch, encodeFloor } from '../../engine/garbage/floor.js'
import type { Shard } from '../../engine/shard.js'
import { covers, decodeStateVector, encodeStateVector,
  type StateVector } from '../../engine/base/state-vector.js'
import type { Present } from '../../storage/residency/residency.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { Outbox } from '../deltas/outbox.js'
import type { Answer, Diff, Question } from './peer-protocol.js'

export interface PeerServerOptions {
  readonly shards: ShardSet
  readonly outbox: Outbox
  readonly holds: (group: number) => boolean
  /** Whether this node means to keep the group: only then may others rely on what it has of it. */
  readonly vouches: (group: number) => boolean
}

export class PeerServer {
  readonly #options: PeerServerOptions

  constructor (options: PeerServerOptions) {
    this.#options = options
  }

  answer (question: Question): Answer<Question['op']> {
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
        return question.shards.map(
          shard => [shard, encodeStateVector(this.#options.shards.known(shard))]
        )
      case 'cursors':
        return question.groups.flatMap(group =>
          this.#options.shards.cursors.of(this.#options.shards.topology.shardsOf(group))
        )
    }
  }

  #resend (groups: ReadonlyArray<readonly [number, number]>): Answer<'resend'> {
    const answer: Answer<'resend'> = []
    let bytes = 0
    for (const [group, from] of groups) {
      const batches = this.#options.outbox.batchesFrom(group, from)
      const size = batches === null
        ? 0
        : batches.reduce(
          (sum, { deltas }) => sum + deltas.reduce((all, [, delta]) => all + delta.length, 0),
          0
        )
      if (bytes > 0 && bytes + size > limits.maxDiffReplyBytes) break
      bytes += size
      answer.push([group, batches])
    }
    return answer
  }

  #digests (groups: ReadonlyArray<readonly [number, string]>): Answer<'digests'> {
    const { shards, outbox, holds } = this.#options
    return groups.filter(([group]) => holds(group)).map(([group, root]) => {
      const same = shards.root(group) === root
      return [group, outbox.sequence(group),
        same ? null : shards.topology.shardsOf(group).map(shard => shards.digest(shard))]
    })
  }

  #diffs (wanted: ReadonlyArray<readonly [number, Uint8Array]>): Answer<'diffs'> {
    const { shards } = this.#options
    const answer: Answer<'diffs'> = { diffs: [], rest: [] }
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
  #diffOf (residency: Present, since: StateVector): Diff | null {
    switch (residency.state) {
      case 'resident':
        return diffOf(residency.shard, since, () => residency.shard)
      case 'cold':
        return diffOf(residency.row, since, () => this.#options.shards.hydrate(residency.row))
    }
  }

  #lacking ({ shards, cursors }: Extract<Question, { op: 'covers' }>): number[] {
    const committed = this.#options.shards.cursors
    const lacking = new Set(
      shards.filter(([shard, sv]) => !this.#covers(shard, sv)).map(([shard]) => shard)
    )
    for (const [shard, consumerGroup, cursor] of cursors) {
      if (!committed.covers(shard, consumerGroup, cursor)) lacking.add(shard)
    }
    return [...lacking]
  }

  #covers (shard: number, sv: Uint8Array): boolean {
    const { shards, vouches } = this.#options
    return vouches(shards.topology.groupOf(shard)) &&
      covers(shards.known(shard), decodeStateVector(sv, limits))
  }
}

/**
 * What a replica that has seen `since` lacks of a shard, or null when it lacks nothing.
 * @param inMemory the shard itself, asked for only when there is something to send
 */
function diffOf (
  { shard, stateVector, known, floor }: ShardVectors & { readonly shard: number },
  since: StateVector,
  inMemory: () => Shard
): Diff | null {
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
