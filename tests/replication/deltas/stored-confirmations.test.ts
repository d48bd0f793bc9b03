/** Confirmations from the store: one wait for many, and again where the store failed. */
import test from 'ava'
import { StoredConfirmations } from '../../../replication/deltas/stored-confirmations.js'
import { timingWith } from '../../support/timing.js'
import { VirtualTime } from '../../support/virtual-time.js'

function open () {
  const time = new VirtualTime(1)
  const waits: Array<{ stored: () => void, failed: (error: Error) => void }> = []
  const sent: string[] = []
  const confirmations = new StoredConfirmations(
    { ports: time.ports('node'), timing: timingWith({ heartbeatMs: 500 }) },
    {
      synced: () =>
        new Promise<void>((stored, failed) => {
          waits.push({ stored, failed })
        })
    },
    {
      send: (node, incarnation, group, sequence, isStored) => {
        sent.push(`${node} ${incarnation} ${group} ${sequence} ${isStored ? 'stored' : 'held'}`)
      }
    }
  )
  const take = async (): Promise<string[]> => {
    await time.advance(0)
    return sent.splice(0)
  }
  return { time, waits, confirmations, take }
}

test('one wait for the store serves all that asked before it, and the next all since', async t => {
  const { waits, confirmations, take } = open()
  confirmations.want('b', 7, 0, 1)
  confirmations.want('b', 7, 0, 2)
  confirmations.want('c', 8, 1, 5)
  t.is(waits.length, 1)
  waits[0]?.stored()
  t.deepEqual(await take(), ['b 7 0 1 stored'])
  t.is(waits.length, 2)
  confirmations.want('b', 7, 0, 3)
  waits[1]?.stored()
  t.deepEqual(await take(), ['b 7 0 2 stored', 'c 8 1 5 stored'])
  waits[2]?.stored()
  t.deepEqual(await take(), ['b 7 0 3 stored'])
  t.is(waits.length, 3)
})

test('a store that failed is asked again after a pause, and never after close', async t => {
  const { time, waits, confirmations, take } = open()
  confirmations.want('b', 7, 0, 1)
  waits[0]?.failed(new Error('the disk is full'))
  t.deepEqual(await take(), [])
  confirmations.want('b', 7, 0, 2)
  confirmations.want('c', 8, 1, 5)
  t.is(waits.length, 1)
  await time.advance(500)
  t.is(waits.length, 2)
  waits[1]?.failed(new Error('the disk is full'))
  await time.advance(500)
  waits[2]?.stored()
  t.deepEqual(await take(), ['b 7 0 2 stored', 'c 8 1 5 stored'])
  confirmations.want('b', 7, 0, 3)
  confirmations.close()
  waits[3]?.stored()
  t.deepEqual(await take(), [])
  t.is(time.pending('node'), 0)
})
