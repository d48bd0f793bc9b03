/** Confirmations: those that the transport drops are counted and made up for by digests. */
import test from 'ava'
import type { CacheContext } from '../../../replication/contexts.js'
import type { Acks } from '../../../replication/deltas/acks.js'
import { Confirmations } from '../../../replication/deltas/confirmations.js'
import { subjectsOf } from '../../../replication/messages/subjects.js'
import { CACHE, startCluster } from '../../support/cluster.js'
import { VirtualTime } from '../../support/virtual-time.js'

test('dropped confirmations are told once a second, and digests confirm instead', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const transport = cluster.transports.get('b')
  if (transport === undefined) throw new Error('b has no transport')
  const publish = transport.publish.bind(transport)
  let dropped = 0
  transport.publish = (subject, bytes, replyTo) => {
    if (!subject.includes('.ack.')) return publish(subject, bytes, replyTo)
    dropped++
    return false
  }
  const writes = Array.from(
    { length: 20 },
    (_, i) => cluster.cache('a').put(`k${i}`, { n: i }, { ack: 'all' })
  )
  await cluster.time.wait(Promise.all(writes), 'writes that all replicas hold')
  await cluster.time.advance(1500)
  const told = cluster.eventsOf('confirmation-dropped').map(event =>
    event.type === 'confirmation-dropped' ? event.count : 0
  )
  t.true(dropped > 0)
  t.true(told.length <= 3, `${told.length} events`)
  t.is(told.reduce((sum, count) => sum + count, 0), dropped)
})

test('a process that gave its name up confirms nothing more (SPEC R17)', async t => {
  const time = new VirtualTime(1)
  const sent: unknown[] = []
  const context = {
    cache: CACHE,
    self: { id: 'a', incarnation: 1 },
    ports: time.ports('a'),
    subjects: subjectsOf('unit'),
    onEvent: () => {},
    messenger: {
      on: () => ({ close: () => {} }),
      send: (...message: unknown[]) => {
        sent.push(message)
        return true
      }
    }
  }
  const confirmations = new Confirmations(context as unknown as CacheContext, {} as Acks)
  confirmations.send('b', 7, 0, 1, false)
  await time.advance(1)
  t.is(sent.length, 1)
  confirmations.send('b', 7, 0, 2, false)
  confirmations.mute()
  confirmations.send('b', 7, 0, 3, true)
  await time.advance(1)
  t.is(sent.length, 1)
  confirmations.close()
})
