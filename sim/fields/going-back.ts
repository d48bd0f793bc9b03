/**
 * Whether a reader was shown an older state of a record than before (SPEC C2). Versions tell it of
 * registers, and not of claims: of two maxima the greater one stands even if it was written
 * earlier, and the record then shows its older version. Maxima, minima and sequence numbers tell by
 * themselves; of counters and sets nothing can be told.
 */
import type { Fields } from '../../engine/base/values.js'
import { kindOfKey } from './field-op.js'

export interface Shown {
  readonly version: number
  readonly fields: Fields
}

/** @returns the value that went back, in words, or null */
export function goneBack (key: string, before: Shown, now: Shown): string | null {
  switch (kindOfKey(key)) {
    case 'counter':
    case 'own':
    case 'set':
      return null
    case 'bound':
      if (Number(now.fields['max'] ?? -Infinity) < Number(before.fields['max'] ?? -Infinity)) {
        return `max ${String(now.fields['max'])} after ${String(before.fields['max'])}`
      }
      return Number(now.fields['min'] ?? Infinity) > Number(before.fields['min'] ?? Infinity)
        ? `min ${String(now.fields['min'])} after ${String(before.fields['min'])}`
        : null
    case 'sequenced':
      return (sequenceOf(now.fields) ?? Infinity) < (sequenceOf(before.fields) ?? -Infinity)
        ? `${String(now.fields['price'])} after ${String(before.fields['price'])}`
        : null
    default:
      return now.version < before.version ? `version ${now.version} after ${before.version}` : null
  }
}

/** Undefined where the field was unset: the number of the patch that unset it cannot be seen. */
function sequenceOf ({ price }: Fields): number | undefined {
  return typeof price === 'string' ? Number(price.split(' ')[1]) : undefined
}
