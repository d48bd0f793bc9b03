/** Batches on their way out, where the connection refuses one of them. */
import test from 'ava'
import { EnvelopeError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { Topology } from '../../../engine/topology/topology.js'
import type { CacheContext } from '../../../replication/contexts.js'
import { Outbox, type DeltaBatch } from '../../../replication/deltas/outbox.js'
import { subjectsOf } from '../../../replication/messages/subjects.js'

/** An outbox of two placement groups, over a connection that refuses batches of the first. */
function open (): { readonly outbox: Outbox, readonly sent: Array<[string, DeltaBatch]> } {
  const sent: Array<[string, DeltaBatch]> = []
  const subjects = subjectsOf('test')
  const messenger = {
    send (subject: string, _: string, batch: DeltaBatch): boolean {
      if (subject === subjects.deltas('prices', 'a', 0)) {
        throw new EnvelopeError('too-large', 'it needs too many parts')
      }
      sent.push([subject, batch])
      return true
    }
  }
  const self = { id: 'a', incarnation: 7, weight: 1 }
  const topology = new Topology({ shards: 2, groups: 2 })
  const context = { cache: 'prices', self, topology, limits, subjects, messenger }
  return { outbox: new Outbox(context as unknown as CacheContext), sent }
}

test('a batch that is refused is not published again, and groups behind it are (SPEC R2)', t => {
  const { outbox, sent } = open()
  outbox.addDelta(0, Uint8Array.of(1))
  outbox.addDelta(1, Uint8Array.of(2))
  t.throws(() => outbox.publish(), { instanceOf: EnvelopeError })
  t.is(outbox.sequence(0), 1, 'its number is given out: receivers see a gap')
  t.false(outbox.isEmpty)
  outbox.publish()
  t.is(outbox.sequence(0), 1)
  t.deepEqual(sent.map(([, batch]) => batch.deltas), [[[1, Uint8Array.of(2)]]])
  t.true(outbox.isEmpty)
})
