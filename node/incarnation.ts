/** The id of one process life of a node, client or log. */
import type { Ports } from '../engine/ports.js'

/** An id no other process life has: the Yjs client id, so 32 bits and not 0. */
export function drawIncarnation (ports: Ports): number {
  return ports.random.uint32() || 1
}
