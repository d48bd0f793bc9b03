/**
 * Warnings of the process (`process.on('warning')`), for what a program may overlook: the mistakes
 * of a listener, and failed writes where nothing listens.
 */
import { messageOf } from '../../engine/base/thrown.js'
import { MillpondError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import type { OnMillpondEvent } from '../events.js'

export function warn (message: string): void {
  process.emitWarning(message, 'MillpondWarning')
}

/**
 * Listens where a program does not: the first failed write of each code and cache is a warning.
 * @param tell a warning of the process, but for tests
 */
export function warningOfWrites (
  { maxFailureCodes }: Pick<Limits, 'maxFailureCodes'>,
  tell: (message: string) => void = warn
): OnMillpondEvent {
  const told = new Set<string>()
  return event => {
    if (event.type !== 'write-failed') return
    const { cache, key, error } = event
    const kind = `${cache} ${error instanceof MillpondError ? error.code : ''}`
    if (told.has(kind) || told.size >= maxFailureCodes) return
    told.add(kind)
    tell(
      `a write of ${JSON.stringify(key)} in cache ${cache} failed: ${messageOf(error)}; later ` +
        'ones of this kind are not told: await writes, await flush(), or give onEvent'
    )
  }
}
