/**
 * The things the engine benchmark holds against each other, each doing the same work: take a batch
 * of writes and return what a peer needs, merge what a peer sent, take writes that need not be sent
 * yet, and read.
 *
 *   millpond   the engine as it is used (millpond-side.ts)
 *   yMap       a Y.Map, the obvious choice on Yjs
 *   plainMap   a floor, not a choice: a last-writer-wins map with CBOR
 *   bareMap    a JavaScript Map from key to record and nothing else: what reading and memory are
 *              held against
 */
import { MillpondSide } from './millpond-side.js'
import { BareMapSide, PlainMapSide, YMapSide } from './other-sides.js'
import type { Side } from './side.js'

export type SideName = 'millpond' | 'yMap' | 'plainMap'
export const SIDES: readonly SideName[] = ['millpond', 'yMap', 'plainMap']
export type AnySideName = SideName | 'bareMap'
export const ALL_SIDES: readonly AnySideName[] = [...SIDES, 'bareMap']

const CREATE: { readonly [side in AnySideName]: (incarnation: number) => Side } = {
  millpond: incarnation => new MillpondSide(incarnation),
  yMap: incarnation => new YMapSide(incarnation),
  plainMap: incarnation => new PlainMapSide(incarnation),
  bareMap: () => new BareMapSide()
}

export function createSide (name: AnySideName, incarnation: number): Side {
  return CREATE[name](incarnation)
}
