/**
 * Which paths of repair a run went through. A simulation that never loses a message proves nothing
 * about gap repair, so a path of this list that never fired fails a long run.
 */
import type { MillpondEvent } from '../../node/events.js'

/** Each of these paths must be taken at least once within a few hundred seeds. */
export const REPAIR_PATHS = [
  'gap-repaired',
  'digest-repaired',
  'repair-failed',
  'bootstrap',
  'hand-over',
  'shard-damaged',
  'store-commit-failed',
  'store-recovered',
  'compacted',
  'write-resent',
  'write-failed',
  'consumer-reset',
  'consumer-restarted',
  'member-left silent',
  'member-left goodbye',
  'member-left replaced',
  'name-taken',
  'start-refused',
  'message-refused checksum',
  'clock-ahead',
  'parts',
  'old-copy',
  'bit-flip',
  'reconnected',
  'tombstones-collected',
  'incarnations-retired',
  'shard-reset',
  'crash-at-ack',
  'crash-at-ack wiped',
  'gave-way',
  'forged d',
  'forged hb',
  'forged ack',
  'forged ae',
  'forged q',
  'forged n'
] as const

export class Coverage {
  readonly counts = new Map<string, number>()

  hit (path: string, by = 1): void {
    this.counts.set(path, (this.counts.get(path) ?? 0) + by)
  }

  /** Counts an event of a node or client. */
  take (event: MillpondEvent): void {
    switch (event.type) {
      case 'group-phase':
        if (event.phase === 'dropped') this.hit('hand-over')
        return
      case 'member-left':
        this.hit(`member-left ${event.why}`)
        return
      case 'message-refused':
        this.hit(`message-refused ${event.reason.startsWith('shard') ? 'shard' : event.reason}`)
        return
      case 'update-refused':
        this.hit(`update-refused ${event.reason}`)
        return
      case 'connection':
        if (event.connected) this.hit('reconnected')
        return
      default:
        this.hit(event.type)
    }
  }

  add (other: Coverage): void {
    for (const [path, count] of other.counts) this.hit(path, count)
  }

  get missing (): string[] {
    return REPAIR_PATHS.filter(path => !this.counts.has(path))
  }

  toString (): string {
    return [...this.counts].sort(([a], [b]) => a < b ? -1 : 1).map(([path, count]) =>
      `${path} ${count}`
    ).join(', ')
  }
}
