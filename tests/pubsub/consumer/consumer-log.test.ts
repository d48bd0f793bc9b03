/** The events of one consumer name a bounded number of shards, however many they are about. */
import test from 'ava'
import { UnavailableError } from '../../../engine/errors.js'
import { limitsWith } from '../../../engine/limits.js'
import { ConsumerLog } from '../../../pubsub/consumer/consumer-log.js'
import type { ConsumerContext } from '../../../pubsub/context.js'
import type { PubsubEvent } from '../../../pubsub/events.js'

test('each event names as many shards as its bound allows, and counts the others (SPEC C13)', t => {
  const events: PubsubEvent[] = []
  const log = new ConsumerLog({
    router: { cache: 'prices' },
    ports: { clock: { wallMs: () => 0, monotonicMs: () => 0 } },
    limits: limitsWith({ maxStatusItems: 2 }),
    onEvent: event => {
      events.push(event)
    }
  } as ConsumerContext, 'g')
  const shards = [3, 1, 4, 0, 2]
  const error = new UnavailableError('nobody holds them')
  log.recovers(error, shards)
  log.commitFailed(shards, error)
  log.behind(shards, 7)
  log.reset(shards, 'patience')
  log.unheld(shards)
  const of = { cache: 'prices', consumerGroup: 'g' }
  const listed = { shards: [3, 1], unlistedShards: 3 }
  t.deepEqual(events, [
    { ...of, type: 'consumer-retrying', code: 'UNAVAILABLE', times: 1, ...listed, error },
    { ...of, type: 'commit-failed', ...listed, error },
    { ...of, type: 'consumer-behind', ...listed, forMs: 7 },
    { ...of, type: 'consumer-reset', ...listed, why: 'patience' },
    { ...of, type: 'consumer-unheld', groups: [3, 1], unlistedGroups: 3 }
  ])
  log.reset(shards.slice(0, 2), 'floor')
  t.like(events.at(-1), { shards: [3, 1], unlistedShards: 0 })
})
