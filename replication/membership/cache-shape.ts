/**
 * The settings of a cache that all its nodes must share. With different shards, nodes would put a
 * key into different shards; with different placement groups, a shard into different ones; and with
 * different replicas, they would not agree on who holds a placement group.
 */
export interface CacheShape {
  readonly shards: number
  /** Placement groups. */
  readonly groups: number
  readonly replicas: number
}

export function sameShape (a: CacheShape, b: CacheShape): boolean {
  return a.shards === b.shards && a.groups === b.groups && a.replicas === b.replicas
}

/**
 * Placement groups by default: enough to spread over many nodes, few enough for small heartbeats.
 */
const DEFAULT_GROUPS = 64

/** The placement groups of a cache whose settings name none: they follow from the shards. */
export function defaultGroups (shards: number): number {
  return Math.min(shards, DEFAULT_GROUPS)
}

/** The settings that differ between this node and another, in words. */
export function conflictBetween (mine: CacheShape, theirs: CacheShape): string {
  const follows = mine.shards !== theirs.shards &&
    [mine, theirs].every(({ shards, groups }) => groups === defaultGroups(shards))
  return (['shards', 'groups', 'replicas'] as const).filter(name => mine[name] !== theirs[name])
    .map(name =>
      `${name} ${mine[name]} here, ${theirs[name]} there` +
      (name === 'groups' && follows ? ' (groups follow from shards where they are not given)' : '')
    ).join(', ')
}
