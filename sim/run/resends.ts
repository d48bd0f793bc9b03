/**
 * Looks into messages as they pass by, to count two paths that no event reports: writes that are
 * sent again, and messages in parts.
 */
import { decodeCbor } from '../../engine/base/codec.js'
import type { Limits } from '../../engine/limits.js'
import { decodePart } from '../../replication/messages/envelope.js'
import type { Coverage } from './coverage.js'
import type { SentMessage } from '../world/network.js'

export class Resends {
  readonly #coverage: Coverage
  readonly #limits: Limits
  /** Per write its first target. */
  readonly #targets = new Map<string, string>()

  constructor (coverage: Coverage, limits: Limits) {
    this.#coverage = coverage
    this.#limits = limits
  }

  look ({ subject, bytes, from }: SentMessage): void {
    // Bytes 14 and 15 of an envelope tell the number of parts.
    if (bytes.length > 16 && (bytes[14] !== 0 || bytes[15] !== 1)) this.#coverage.hit('parts')
    const [, , kind, to = ''] = subject.split('.')
    if (kind !== 'w') return
    const { content, parts } = decodePart(bytes, subject, this.#limits)
    if (parts > 1) return
    const { writes } = decodeCbor(content) as { writes: Array<[string, number, number]> }
    for (const [key, version, stamp] of writes) {
      const id = `${from} ${key} ${version} ${stamp}`
      const before = this.#targets.get(id)
      if (before !== undefined) {
        this.#coverage.hit(before === to ? 'write-resent' : 'write-resent elsewhere')
      }
      this.#targets.set(id, to)
    }
  }
}
