/** Writes on their way to an owner that refuses, answers twice or not at all; whole clusters of them are in tests/node. */
import test from 'ava'
import { UnavailableError } from '../../engine/errors.js'
import { HybridClock } from '../../engine/hlc.js'
import type { Write } from '../../engine/write.js'
import { CountedWrites } from '../../replication/counted-writes.js'
import { InProcessNetwork } from '../../replication/in-process-network.js'
import { Messenger } from '../../replication/messenger.js'
import type { Replicator } from '../../replication/replicator.js'
import type { Router } from '../../replication/router.js'
import { subjectsOf } from '../../replication/subjects.js'
import { WriteForwarder } from '../../replication/write-forwarder.js'
import { takeWrites } from '../../replication/write-server.js'
import { VirtualTime } from '../support/virtual-time.js'

const SHAPE = { shards: 4, groups: 2, replicas: 1 }

/** A forwarder, and one owner that takes a write as `take` says. */
function forwarding (take: (write: Write) => Promise<boolean>, duplicate = 0) {
  const time = new VirtualTime(1)
  const ports = time.ports('both')
  const network = new InProcessNetwork({ ...ports, faults: { duplicate, delayMs: [0, 3] } })
  const subjects = subjectsOf('test')
  const messengerOf = (name: string) => new Messenger({ transport: network.connect(name), ports, onEvent: () => {} })
  const counted = new CountedWrites()
  const replicator = { shape: SHAPE, write: (_: number, write: Write) => take(write) } as unknown as Replicator
  messengerOf('owner').serve(subjects.writes('owner'), batch => takeWrites(batch, () => replicator, new HybridClock(ports.clock), counted))
  const router = { shape: SHAPE, holders: () => ['owner'], onLeft: () => {} } as unknown as Router
  return { time, forwarder: new WriteForwarder({ cache: 'prices', router, messenger: messengerOf('writer'), subjects, ports, batchDelayMs: 1, requestTimeoutMs: 1000 }) }
}
const increment = (id: number): Write => ({ key: 'k', version: 1, stamp: 1, fields: null, operations: [{ kind: 'increment', field: 'n', by: 1 }], id })

test('an increment its owner could not take yet is taken by the same owner later', async t => {
  let attempts = 0
  const { time, forwarder } = forwarding(() => ++attempts < 3 ? Promise.reject(new UnavailableError('not held here yet')) : Promise.resolve(true))
  await time.wait(forwarder.submit(0, increment(0xffffffff), 'buffered', 5000))
  t.is(attempts, 3)
})

test('copies of a refused attempt stay refused, so that none counts beside the next one (SPEC R11)', async t => {
  let [calls, counted] = [0, 0]
  const { time, forwarder } = forwarding(() => {
    if (++calls % 2 === 1) return Promise.reject(new UnavailableError('not held here yet'))
    counted++
    return Promise.resolve(true)
  }, 1)
  for (let i = 0; i < 20; i++) await time.wait(forwarder.submit(0, increment(i * 10), 'buffered', 5000))
  await time.advance(1000)
  t.deepEqual([calls, counted], [40, 20])
})
