/**
 * Hashing: where keys land, whether bytes arrived whole, and whether two states are the same.
 *
 * xxHash is stable across platforms and releases, which placement needs (a key must never move
 * because a library was updated), and fast enough to run on every key and every message.
 */
import xxhash from 'xxhash-wasm'

const api = await xxhash()

/** 32-bit hash of a text's UTF-8 bytes, for placement. Each `seed` is an independent function. */
export function hash32 (text: string, seed = 0): number {
  return api.h32(text, seed)
}

/** 32-bit checksum of bytes: it finds damage, and is no protection against malice. */
export function checksum32 (bytes: Uint8Array): number {
  return api.h32Raw(bytes)
}

/** 64-bit digest of bytes as 16 hexadecimal digits. Equal digests are taken to mean equal bytes. */
export function digest64 (bytes: Uint8Array): string {
  return api.h64Raw(bytes).toString(16).padStart(16, '0')
}
