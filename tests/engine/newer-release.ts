/**
 * Updates of a newer release, made from those of this one: a kind of claim that is known here
 * stands in them under a code that is not.
 */
import { decodeCbor, encodeCbor } from '../../engine/base/codec.js'
import { KINDS } from '../../engine/fields/kinds.js'
import { readWire, writeWire } from '../fuzz/wire.js'

/** A code that no kind of this release has, and no later one is likely to get. */
export const UNKNOWN_CODE = 4711

/** The update, with every sequenced field in it of a kind that this release does not know. */
export function withUnknownKind (update: Uint8Array): Uint8Array {
  const wire = readWire(update)
  for (const { structs } of wire.spans) {
    for (const { entries } of structs) {
      entries?.forEach(entry => {
        entry.bytes = renumbered(entry.bytes)
      })
    }
  }
  return writeWire(wire)
}

function renumbered (bytes: Uint8Array): Uint8Array {
  const parts = decodeCbor(bytes) as unknown[]
  const [expires, unset, claims, ...late] = (parts[5] ?? [0, [], []]) as [
    number,
    string[],
    unknown[][],
    ...number[]
  ]
  if (claims.length === 0) return bytes
  parts[5] = [
    expires,
    unset,
    claims.map(([code, ...rest]) => [
      code === KINDS.sequenced.codes.sequenced ? UNKNOWN_CODE : code,
      ...rest
    ]),
    ...late
  ]
  return encodeCbor(parts).slice()
}
