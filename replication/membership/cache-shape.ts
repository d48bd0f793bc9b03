/**
 * The settings of a cache that all its nodes must share: nodes with different ones would put a key
 * into different shards.
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

/** The settings that differ between this node and another, in words. */
export function conflictBetween (mine: CacheShape, theirs: CacheShape): string {
  return (['shards', 'groups', 'replicas'] as const).filter(name => mine[name] !== theirs[name])
    .map(name => `${name} ${mine[name]} here, ${theirs[name]} there`).join(', ')
}
