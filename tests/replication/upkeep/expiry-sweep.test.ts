/** The sweep that writes down what has expired, where a shard cannot take it: on virtual time. */
import test from 'ava'
import { limits } from '../../../engine/limits.js'
import { LogError } from '../../../engine/errors.js'
import { InProcessNetwork } from '../../../replication/transport/in-process/network.js'
import { describeSeed, pickSeed } from '../../support/ports.js'
import { openReplica } from '../../support/replica.js'
import { VirtualTime } from '../../support/virtual-time.js'

test('a shard that cannot write down an expiry stops neither sweep nor node', async t => {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const time = new VirtualTime(seed)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const a = openReplica(network, time, 'a', { shards: 2, groups: 2, replicas: 1 })
  await time.advance(2000)
  const { shards } = a.replicator
  const expire = shards.expire.bind(shards)
  const asked = [0, 0]
  shards.expire = shard => {
    asked[shard] = (asked[shard] ?? 0) + 1
    if (shard === 0) throw new LogError('the log takes no entries', undefined)
    return expire(shard)
  }
  await time.advance(5000)
  t.true((asked[0] ?? 0) > 2, 'the sweep goes on')
  t.deepEqual(asked[0], asked[1], 'the other shard has its turn each time')
  const failed = a.events.filter(({ type }) => type === 'upkeep-failed')
  t.is(failed.length, asked[0] ?? 0)
  t.like(failed[0], { cache: 'prices', work: 'expiry', error: { code: 'LOG_FAILED' } })
})
