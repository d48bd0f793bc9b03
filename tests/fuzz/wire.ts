/**
 * An update as data that can be bent: read leniently, written without any check. This form has the
 * layout of Yjs's format V1 and none of the engine's rules, so a forgery is any change to this
 * data. Entries stay bytes: forgeries inside one are made as CBOR (cbor-mutations.ts).
 */
import { createDecoder, createEncoder, readUint8, readVarString, readVarUint, readVarUint8Array,
  toUint8Array, writeUint8, writeUint8Array, writeVarString, writeVarUint, writeVarUint8Array,
  type ByteReader, type ByteWriter } from '../../engine/base/varint.js'

export interface WireStruct {
  info: number
  /** [incarnation, clock] of the struct before it; when absent the parent stands in its place. */
  origin: [number, number] | null
  /** 1 and a root's name, or 0 and a dot. */
  parent: [1, string] | [0, number, number] | null
  length: number
  /** Each entry's type byte and bytes; null for a struct without content. */
  entries: Array<{ type: number, bytes: Uint8Array }> | null
  /** Bytes that are written in place of everything above. */
  raw?: Uint8Array
}

export interface WireSpan {
  incarnation: number
  clock: number
  structs: WireStruct[]
  count?: number
}

export interface WireUpdate {
  spans: WireSpan[]
  count?: number
  /** The delete set, number by number. */
  deletes: number[]
}

const CONTENT_ANY = 8
const HAS_ORIGIN = 0x80
export const ANY_BYTES = 116

/** Reads an update that a writer made. */
export function readWire (bytes: Uint8Array): WireUpdate {
  const reader = createDecoder(bytes)
  const spans = times(readVarUint(reader), (): WireSpan => {
    const structs = readVarUint(reader)
    return {
      incarnation: readVarUint(reader),
      clock: readVarUint(reader),
      structs: times(structs, () => readStruct(reader))
    }
  })
  return { spans, deletes: [readVarUint(reader)] }
}

function readStruct (reader: ByteReader): WireStruct {
  const info = readUint8(reader)
  const hasOrigin = (info & HAS_ORIGIN) !== 0
  const origin: WireStruct['origin'] = hasOrigin ? [readVarUint(reader), readVarUint(reader)] : null
  const parent: WireStruct['parent'] = hasOrigin
    ? null
    : [readVarUint(reader) as 1, readVarString(reader)]
  const length = readVarUint(reader)
  if ((info & 31) !== CONTENT_ANY) return { info, origin, parent, length, entries: null }
  return {
    info,
    origin,
    parent,
    length,
    entries: times(
      length,
      () => ({ type: readUint8(reader), bytes: readVarUint8Array(reader).slice() })
    )
  }
}

export function writeWire ({ spans, count = spans.length, deletes }: WireUpdate): Uint8Array {
  const writer = createEncoder()
  writeNumber(writer, count)
  for (const { incarnation, clock, structs, count: announced = structs.length } of spans) {
    for (const number of [announced, incarnation, clock]) writeNumber(writer, number)
    for (const struct of structs) writeStruct(writer, struct)
  }
  for (const number of deletes) writeNumber(writer, number)
  return toUint8Array(writer)
}

/**
 * NaN becomes a number that never ends and is worth nothing: the sum of what its bytes are worth is
 * NaN once they are worth infinity each.
 */
function writeNumber (writer: ByteWriter, number: number): void {
  if (Number.isNaN(number)) writeUint8Array(writer, new Uint8Array(160).fill(0x80, 0, 159))
  else writeVarUint(writer, number)
}

function writeStruct (
  writer: ByteWriter,
  { info, origin, parent, length, entries, raw }: WireStruct
): void {
  if (raw !== undefined) {
    writeUint8Array(writer, raw)
    return
  }
  writeUint8(writer, info)
  for (const number of origin ?? []) writeNumber(writer, number)
  for (const part of parent ?? []) {
    if (typeof part === 'string') writeVarString(writer, part)
    else writeNumber(writer, part)
  }
  writeNumber(writer, length)
  for (const { type, bytes } of entries ?? []) {
    writeUint8(writer, type)
    writeVarUint8Array(writer, bytes)
  }
}

/**
 * A struct at a clock of an incarnation as a writer would make it, of these entries, or of
 * superseded ones.
 */
export function structAt (
  incarnation: number,
  clock: number,
  entries: readonly Uint8Array[] | number
): WireStruct {
  const dead = typeof entries === 'number'
  return {
    info: (dead ? 1 : CONTENT_ANY) | (clock > 0 ? HAS_ORIGIN : 0),
    origin: clock > 0 ? [incarnation, clock - 1] : null,
    parent: clock > 0 ? null : [1, 'log'],
    length: dead ? entries : entries.length,
    entries: dead ? null : entries.map(bytes => ({ type: ANY_BYTES, bytes }))
  }
}

/** A whole update of one such struct. */
export function updateOf (
  incarnation: number,
  clock: number,
  entries: readonly Uint8Array[] | number
): Uint8Array {
  return writeWire({
    spans: [{ incarnation, clock, structs: [structAt(incarnation, clock, entries)] }],
    deletes: [0]
  })
}

function times<T> (count: number, make: () => T): T[] {
  return Array.from({ length: count }, make)
}
