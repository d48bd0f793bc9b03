/** Confirmations that the transport drops: counted, and made up for by digests. */
import test from 'ava'
import { startCluster } from '../../support/cluster.js'

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
