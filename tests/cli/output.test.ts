/**
 * Results on standard output: at the reader's pace, quiet when the reader leaves, loud when the
 * disk is full; and the order of keys.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { callbackify } from 'node:util'
import test from 'ava'
import * as fc from 'fast-check'
import { compareKeys, LineWriter, OutputError, sortByKey, writeNdjson } from '../../cli/output.js'

/** A stream that takes each chunk when `take` says so. */
function slowStream (take: (chunk: string) => Promise<void>): Writable {
  return new Writable({
    decodeStrings: false,
    write: callbackify((chunk: string, _encoding: string) => take(chunk))
  })
}

function failure (code: string): Error {
  return Object.assign(new Error(`${code}: it went wrong`), { code })
}

test('each value is one line of JSON', async t => {
  let output = ''
  const count = await writeNdjson(
    [{ key: 'a\nb' }, [1], null],
    slowStream(async chunk => {
      output += chunk
    })
  )
  t.is(output, '{"key":"a\\nb"}\n[1]\nnull\n')
  t.is(count, 3)
})

test('lines wait to be written until there are enough of them or they are flushed', async t => {
  const chunks: string[] = []
  const lines = new LineWriter(slowStream(async chunk => {
    chunks.push(chunk)
  }))
  t.true(await lines.write(1))
  t.deepEqual(chunks, [])
  t.true(await lines.flush())
  t.deepEqual(chunks, ['1\n'])
  t.true(await lines.flush())
  t.true(await lines.write('x'.repeat(70_000)))
  t.is(chunks.length, 2)
})

test('a slow reader slows the producer down', async t => {
  let made = 0
  let chunks = 0
  function* values (): Generator<string> {
    for (; made < 10_000; made++) yield 'x'.repeat(1000)
  }
  await writeNdjson(
    values(),
    slowStream(async chunk => {
      chunks++
      await sleep(1)
      t.true(made * 1000 <= chunks * 2 * chunk.length)
    })
  )
  t.is(made, 10_000)
})

test('a reader that leaves ends the writing without error, and the source is closed', async t => {
  for (const code of ['EPIPE', 'ECONNRESET']) {
    let isClosed = false
    let made = 0
    async function* values (): AsyncGenerator<string> {
      try {
        for (; made < 10_000; made++) yield 'x'.repeat(1000)
      } finally {
        isClosed = true
      }
    }
    let taken = 0
    const count = await writeNdjson(
      values(),
      slowStream(async () => {
        if (++taken === 3) throw failure(code)
      })
    )
    t.true(isClosed)
    t.true(count < 300 && made < 300, `${count} written, ${made} made`)
  }
})

test('writing on after the reader has left is harmless', async t => {
  const lines = new LineWriter(slowStream(async () => {
    throw failure('EPIPE')
  }))
  await lines.write(1)
  t.false(await lines.flush())
  t.false(lines.isOpen)
  t.false(await lines.write('x'.repeat(70_000)))
  t.false(await lines.flush())
})

test('any other failure is an error with its cause', async t => {
  const error = await t.throwsAsync(
    writeNdjson(
      [1],
      slowStream(async () => {
        throw failure('ENOSPC')
      })
    ),
    { instanceOf: OutputError, message: /ENOSPC/ }
  )
  t.like(error, { code: 'OUTPUT_UNWRITABLE', cause: { code: 'ENOSPC' } })
})

test('a process whose output is cut off by its reader ends well with no stack trace', async t => {
  const producer = spawn(process.execPath, ['--import=tsx',
    join(import.meta.dirname, 'output-producer.ts')], { stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = text(producer.stderr)
  const ended = once(producer, 'exit')
  await once(producer.stdout, 'data')
  producer.stdout.destroy()
  t.deepEqual(await ended, [0, null])
  t.regex(await printed, /^\d{1,6}\n$/)
})

test('keys are in the order of their UTF-8 bytes', t => {
  t.deepEqual(
    sortByKey(['b', 'a', '😀', '\uffee', 'ab', 'Z', ''].map(key => ({ key }))).map(({ key }) =>
      key
    ),
    ['', 'Z', 'a', 'ab', 'b', '\uffee', '😀']
  )
  const key = fc.string({
    unit: fc.oneof(
      fc.constantFrom('a', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '😀'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })
    ),
    maxLength: 5
  })
  fc.assert(
    fc.property(key, key, (a, b) => {
      t.is(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    { numRuns: 2000 }
  )
})
