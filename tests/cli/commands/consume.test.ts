// How long `millpond consume` tries to commit: attempts that wait for an answer take time as well.
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { commitWithin } from '../../../cli/commands/consume.js'
import { UnavailableError } from '../../../index.js'

test('a commit that fails slowly is given up when its patience is over', async t => {
  let attempts = 0
  const batch = {
    commit: async () => {
      attempts++
      await sleep(300)
      throw new UnavailableError('nobody holds it')
    }
  }
  await t.throwsAsync(commitWithin(batch, 500, new AbortController().signal), {
    code: 'UNAVAILABLE'
  })
  t.is(attempts, 2)
})

test('a commit that succeeds in the end is done, and one whose consumer ends is left', async t => {
  let attempts = 0
  const batch = {
    commit: async () => {
      if (++attempts < 2) throw new UnavailableError('nobody holds it')
    }
  }
  await commitWithin(batch, 5000, new AbortController().signal)
  t.is(attempts, 2)
  attempts = 0
  await commitWithin(batch, 5000, AbortSignal.abort())
  t.is(attempts, 1)
})
