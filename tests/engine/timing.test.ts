/** Intervals: what follows from what, which contradict each other, and what others may say. */
import test from 'ava'
import * as v from '../../engine/base/schema.js'
import * as timing from '../../engine/timing.js'

const { boundedPace, intervals, paceFloor, TimingConfig } = timing
const configured = (given: v.InferInput<typeof TimingConfig>) => v.parse(TimingConfig, given)
const timingOf = (given: v.InferInput<typeof TimingConfig>) => timing.timingOf(configured(given))

test('an interval that is left out follows from the heartbeat', t => {
  t.like(timingOf({}), { heartbeatMs: 500, failureTimeoutMs: 3000, joinWaitMs: 700 })
  t.like(timingOf({ heartbeatMs: 4000 }), {
    heartbeatMs: 4000,
    failureTimeoutMs: 24_000,
    joinWaitMs: 5600
  })
  t.like(timingOf({ heartbeatMs: 4000, failureTimeoutMs: 12_000, joinWaitMs: 10 }), {
    failureTimeoutMs: 12_000,
    joinWaitMs: 10
  })
  t.is(timingOf({ heartbeatMs: 60_000 }).failureTimeoutMs, 360_000)
})

test('at the default heartbeat derived intervals are as they always were', t => {
  const set = timingOf({})
  t.is(timing.beatSoonMs(set), 50)
  t.is(timing.sweepIntervalMs(set), 500)
  t.is(timing.joinWaitMs(set, set), 700)
  t.is(timing.gapPatienceMs(set), 20)
  t.is(timing.writeBatchDelayMs(set), 2)
  t.is(timing.hintCheckIntervalMs(set), 1000)
  t.is(timing.behindPatienceMs(set), 9000)
  t.is(timing.namedNodePatienceMs(set), 3000)
  t.is(timing.ingestTimeoutMs(set), 20_000)
  t.is(timing.commitPatienceMs(set), 10_000)
})

test('intervals that contradict each other are refused, quoting both', t => {
  t.throws(() => timingOf({ heartbeatMs: 2000, failureTimeoutMs: 5999 }), {
    code: 'CONFIG_INVALID',
    message: /failureTimeoutMs 5999.*heartbeatMs 2000/
  })
  t.throws(() => timingOf({ failureTimeoutMs: 1000 }), { message: /1000.*heartbeatMs 500/ })
  t.throws(() => timingOf({ tombstoneMinAgeMs: 2, tombstoneMaxAgeMs: 1 }), {
    message: /tombstoneMaxAgeMs 1 .*tombstoneMinAgeMs 2/
  })
})

test('a client insists only on what it set', t => {
  t.deepEqual(paceFloor(configured({})), { heartbeatMs: 0, failureTimeoutMs: 0 })
  t.deepEqual(paceFloor(configured({ heartbeatMs: 100 })), {
    heartbeatMs: 100,
    failureTimeoutMs: 600
  })
  t.deepEqual(paceFloor(configured({ failureTimeoutMs: 9000 })), {
    heartbeatMs: 0,
    failureTimeoutMs: 9000
  })
})

test('a pace from outside is brought into the ranges of a configuration (SPEC R13)', t => {
  const bounded = (heartbeatMs: number, failureTimeoutMs: number) =>
    boundedPace({ heartbeatMs, failureTimeoutMs })
  t.deepEqual(bounded(4000, 12_000), { heartbeatMs: 4000, failureTimeoutMs: 12_000 })
  t.deepEqual(bounded(Infinity, Infinity), { heartbeatMs: 60_000, failureTimeoutMs: 600_000 })
  t.deepEqual(bounded(-1, 0), { heartbeatMs: 10, failureTimeoutMs: 30 })
  t.deepEqual(bounded(60_000, 30), { heartbeatMs: 60_000, failureTimeoutMs: 180_000 })
})

test('a node that joins a slower cluster listens longer than it was set to', t => {
  const set = timingOf({ joinWaitMs: 50 })
  t.is(timing.joinWaitMs(set, set), 50)
  t.is(timing.joinWaitMs(set, { heartbeatMs: 4000, failureTimeoutMs: 12_000 }), 5600)
})

test('a hello is answered well before a client or a newcomer stops waiting for it', t => {
  for (const theirs of [10, 500, 60_000]) {
    const answerMs = timing.beatSoonMs(timingOf({ heartbeatMs: theirs }))
    t.true(answerMs * 3 <= intervals.connectTimeoutMs)
    for (const own of [10, 500, 60_000]) {
      t.true(answerMs * 3 <= timingOf({ heartbeatMs: own }).joinWaitMs)
    }
  }
})

test('pauses double, and end at their longest', t => {
  t.deepEqual([1, 2, 6, 7, 99].map(timing.writeRetryMs), [10, 20, 320, 500, 500])
  t.deepEqual([1, 2, 6, 7, 99].map(timing.storeRetryMs), [100, 200, 3200, 5000, 5000])
  t.deepEqual([0, 1, 4, 100].map(timing.flushRestMs), [0, 10, 40, 50])
})

test('pauses can grow, and parts fit into their whole', t => {
  t.true(intervals.minWriteRetryMs <= intervals.maxWriteRetryMs)
  t.true(intervals.minStoreRetryMs <= intervals.maxStoreRetryMs)
  t.true(intervals.expiryRestMs < intervals.expirySweepMs)
  t.true(intervals.natsDialTimeoutMs < intervals.natsConnectTimeoutMs)
  t.true(intervals.stillBeats < intervals.movingBeats)
})
