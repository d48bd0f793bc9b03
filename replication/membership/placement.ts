/**
 * Placement without a coordinator (D4): every node computes the same owners from the same member
 * list, so no table is shipped, and a node that joins or leaves moves only the placement groups
 * that it gains or loses.
 *
 * Weighted rendezvous hashing: each member draws a score for each group, the highest R own it;
 * distinct zones first. Sources: Thaler & Ravishankar, "A Name-Based Mapping Scheme for Rendezvous"
 * (1996); weights after Schindelhauer & Schomaker, "Weighted Distributed Hash Tables" (2005): score
 * = -weight / ln(hash).
 */
import { hash32 } from '../../engine/base/hash.js'

export interface Place {
  readonly id: string
  /**
   * Share of the placement groups, relative to other members; of 0, as of one that is about to
   * leave, none at all. Default 1.
   */
  readonly weight?: number
  /**
   * Replicas are spread over as many zones as there are. A member without one counts as a zone of
   * its own.
   */
  readonly zone?: string
}

/** Every member, best first, for one placement group. Ties break by id. */
export function rank (cache: string, group: number, members: readonly Place[]): string[] {
  return members
    .map(({ id, weight = 1 }) => ({
      id,
      score: weight / -Math.log((hash32(`${cache}/${group}/${id}`) + 0.5) / 2 ** 32)
    }))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id)
}

/** The members that own a placement group, at most `replicas` of them, best first. */
export function ownersOf (
  cache: string,
  group: number,
  members: readonly Place[],
  replicas: number
): string[] {
  const ranked = rank(cache, group, members.filter(({ weight = 1 }) => weight > 0))
  const zones = new Map(members.map(({ id, zone }) => [id, zone ?? `node ${id}`]))
  const taken = new Set<string | undefined>()
  const first = ranked.filter(id => !taken.has(zones.get(id)) && taken.add(zones.get(id)))
  return [...first, ...ranked.filter(id => !first.includes(id))].slice(0, replicas)
}
