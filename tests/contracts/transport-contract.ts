/**
 * What every Transport must do, whatever carries the messages. Each adapter's test file runs all of
 * it.
 *
 * The port promises little (at most once, in any order), so this tests a transport at its best:
 * nothing is lost here, and what happens under faults is tested by each adapter in its own way.
 * Every test uses subjects of its own, since one server may serve several tests at once.
 */
import type { ExecutionContext, TestFn } from 'ava'
import type { IncomingMessage, Transport } from '../../replication/transport/transport.js'
import { waitFor } from '../support/wait-for.js'

export interface TransportHarness {
  /** A new connection to the network that all connections of this harness share. */
  connect(
    name: string,
    options?: { readonly onProblem?: (error: unknown) => void }
  ): Promise<Transport>
  close(): Promise<void>
}

interface Setting {
  readonly t: ExecutionContext
  readonly harness: TransportHarness
  readonly a: Transport
  readonly b: Transport
  /** A subject that no other test uses. */
  readonly at: string
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** Subscribes, and waits until the network knows. */
async function collect (transport: Transport, pattern: string): Promise<IncomingMessage[]> {
  const messages: IncomingMessage[] = []
  transport.subscribe(pattern, message => {
    messages.push(message)
  })
  await transport.flush()
  return messages
}

export function transportContract (
  test: TestFn,
  name: string,
  open: () => Promise<TransportHarness>
): void {
  let tests = 0
  const check = (title: string, run: (setting: Setting) => Promise<void>): void => {
    const at = `contract.t${++tests}`
    test(`${name}: ${title}`, async t => {
      const harness = await open()
      t.teardown(() => harness.close())
      await run({
        t,
        harness,
        at,
        a: await harness.connect(`a${tests}`),
        b: await harness.connect(`b${tests}`)
      })
    })
  }

  check('a message arrives with its subject, bytes and reply subject', async ({ t, a, b, at }) => {
    const messages = await collect(b, at)
    t.true(a.publish(at, bytesOf('hello'), `${at}.reply`))
    t.true(a.publish(at, new Uint8Array(0)))
    await waitFor(() => messages.length === 2, 'two messages')
    t.deepEqual(messages[0], { subject: at, bytes: bytesOf('hello'), replyTo: `${at}.reply` })
    t.deepEqual(messages[1], { subject: at, bytes: new Uint8Array(0) })
    t.is(a.dropped, 0)
  })

  check(
    'a star stands for one token and a greater-than sign for the rest',
    async ({ t, a, b, at }) => {
      const star = await collect(b, `${at}.*.x`)
      const rest = await collect(b, `${at}.>`)
      const exact = await collect(b, `${at}.one.x`)
      for (const subject of [at, `${at}.one`, `${at}.one.x`, `${at}.one.x.y`, `${at}.two.x`]) {
        a
          .publish(subject, new Uint8Array(1))
      }
      await waitFor(() => rest.length === 4, 'the four messages below the subject')
      const subjects = (messages: IncomingMessage[]): string[] =>
        messages.map(({ subject }) => subject.slice(at.length))
      t.deepEqual(subjects(rest), ['.one', '.one.x', '.one.x.y', '.two.x'])
      await waitFor(
        () => star.length === 2 && exact.length === 1,
        'the messages of the other patterns'
      )
      t.deepEqual(subjects(star), ['.one.x', '.two.x'])
      t.deepEqual(subjects(exact), ['.one.x'])
    }
  )

  check(
    'of several subscriptions to one pattern each gets every message until it is closed',
    async ({ t, a, b, at }) => {
      const counts = [0, 0, 0]
      const subscriptions = counts.map((_, i) =>
        b.subscribe(`${at}.*`, () => {
          counts[i] = (counts[i] ?? 0) + 1
        })
      )
      const last = await collect(b, `${at}.>`)
      a.publish(`${at}.x`, new Uint8Array(1))
      await waitFor(() => last.length === 1, 'the first message')
      subscriptions[1]?.close()
      await b.flush()
      a.publish(`${at}.x`, new Uint8Array(1))
      await waitFor(() => last.length === 2 && counts[2] === 2, 'the second message')
      t.deepEqual(counts, [2, 1, 2])
      for (const subscription of subscriptions) subscription.close()
      await b.flush()
      a.publish(`${at}.x`, new Uint8Array(1))
      await waitFor(() => last.length === 3, 'the third message')
      t.deepEqual(counts, [2, 1, 2])
    }
  )

  check(
    'bytes belong to whoever holds them: sender and receivers share nothing',
    async ({ t, a, b, at }) => {
      const seen: string[] = []
      for (let i = 0; i < 2; i++) {
        b.subscribe(at, ({ bytes }) => {
          seen.push(textOf(bytes))
          bytes.fill(0)
        })
      }
      await b.flush()
      const whole = bytesOf('..first..')
      const view = whole.subarray(2, 7)
      a.publish(at, view)
      whole.fill(0)
      a.publish(at, Buffer.from('second'))
      await waitFor(() => seen.length === 4, 'two messages at two subscriptions')
      t.deepEqual(seen.toSorted(), ['first', 'first', 'second', 'second'])
    }
  )

  check('every byte value survives', async ({ t, a, b, at }) => {
    const messages = await collect(b, at)
    const all = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) & 255)
    a.publish(at, all)
    await waitFor(() => messages.length === 1, 'the message')
    t.deepEqual(messages[0]?.bytes, all)
  })

  check(
    'all subscribers get a message, the sender itself included',
    async ({ t, harness, a, b, at }) => {
      const c = await harness.connect(`c-${at}`)
      const inboxes = await Promise.all([a, b, b, c].map(transport => collect(transport, at)))
      a.publish(at, bytesOf('all'))
      await waitFor(
        () => inboxes.every(messages => messages.length === 1),
        'the message at four subscriptions'
      )
      t.deepEqual(inboxes.map(([first]) => textOf(first?.bytes ?? new Uint8Array(0))), ['all',
        'all', 'all', 'all'])
    }
  )

  check(
    'a request is answered below the inbox, which belongs to one connection alone',
    async ({ t, a, b, at }) => {
      t.not(a.inbox, b.inbox)
      b.subscribe(at, ({ bytes, replyTo }) => {
        b.publish(replyTo ?? 'nowhere', bytesOf(`${textOf(bytes)}?`))
      })
      await b.flush()
      const answers = await collect(a, `${a.inbox}.*`)
      a.publish(at, bytesOf('well'), `${a.inbox}.7`)
      await waitFor(() => answers.length === 1, 'the answer')
      t.deepEqual(answers[0], { subject: `${a.inbox}.7`, bytes: bytesOf('well?') })
    }
  )

  check('a request that reaches nobody is told so at once', async ({ t, a, at }) => {
    const answers = await collect(a, `${a.inbox}.*`)
    a.publish(at, bytesOf('anyone'), `${a.inbox}.1`)
    await waitFor(() => answers.length === 1, 'the notice')
    t.deepEqual(answers[0], {
      subject: `${a.inbox}.1`,
      bytes: new Uint8Array(0),
      noResponders: true
    })
  })

  check(
    'a message that is too large is refused, and the connection is none the worse',
    async ({ t, a, b, at }) => {
      const messages = await collect(b, at)
      t.throws(() => a.publish(at, new Uint8Array(a.maxMessageBytes + 1)), {
        code: 'LIMIT_EXCEEDED'
      })
      t.true(a.publish(at, new Uint8Array(a.maxMessageBytes)))
      await waitFor(() => messages.length === 1, 'the largest message')
      t.is(messages[0]?.bytes.length, a.maxMessageBytes)
      t.true(a.connected)
      t.is(a.dropped, 0)
    }
  )

  check(
    'a subject that is not well formed is refused before it does harm',
    async ({ t, a, b, at }) => {
      const messages = await collect(b, `${at}.>`)
      for (
        const subject of ['', `${at}.`, `.${at}`, `${at}..x`, `${at}.a b`, `${at}.a\r\nPUB x 0`,
          `${at}.*`, `${at}.>`, `${at}.é`]
      ) {
        t.throws(() => a.publish(subject, new Uint8Array(1)), { instanceOf: TypeError }, subject)
        t.throws(
          () => a.publish(at, new Uint8Array(1), subject),
          { instanceOf: TypeError },
          subject
        )
      }
      for (const pattern of ['', `${at}.`, `${at}.>.x`, `${at}.a*`, `${at}.a b`]) {
        t.throws(
          () => a.subscribe(pattern, () => undefined),
          { instanceOf: TypeError },
          pattern
        )
      }
      t.throws(() => a.publish(`${at}.${'x'.repeat(5000)}`, new Uint8Array(1)), {
        code: 'LIMIT_EXCEEDED'
      })
      a.publish(`${at}.fine`, new Uint8Array(1))
      await waitFor(() => messages.length > 0, 'the well-formed message')
      t.deepEqual(messages.map(({ subject }) => subject), [`${at}.fine`])
    }
  )

  check(
    'a closed subscription gets nothing more, and the others go on',
    async ({ t, a, b, at }) => {
      const first: string[] = []
      const subscription = b.subscribe(at, ({ bytes }) => {
        first.push(textOf(bytes))
        subscription.close()
      })
      const others = await collect(b, at)
      for (const text of ['one', 'two', 'three']) a.publish(at, bytesOf(text))
      await waitFor(() => others.length === 3, 'three messages at the open subscription')
      subscription.close()
      a.publish(at, bytesOf('four'))
      await waitFor(() => others.length === 4, 'the fourth message')
      t.deepEqual(first, ['one'])
    }
  )

  check(
    'an exception in a handler is reported, and the messages after it arrive',
    async ({ t, harness, a, at }) => {
      const problems: unknown[] = []
      const careless = await harness.connect(`careless-${at}`, {
        onProblem: error => {
          problems.push(error)
        }
      })
      careless.subscribe(at, () => {
        throw new Error('mistake in a handler')
      })
      const others = await collect(careless, at)
      a.publish(at, bytesOf('one'))
      a.publish(at, bytesOf('two'))
      await waitFor(
        () => others.length === 2 && problems.length === 2,
        'two messages and two reports'
      )
      t.is((problems[0] as Error).message, 'mistake in a handler')
      t.true(careless.connected)
    }
  )

  check('messages on one link arrive in the order they were sent', async ({ t, a, b, at }) => {
    const messages = await collect(b, `${at}.*`)
    const sent = Array.from({ length: 2000 }, (_, i) => String(i))
    for (const text of sent) a.publish(`${at}.${Number(text) % 3}`, bytesOf(text))
    await waitFor(() => messages.length === sent.length, 'all messages')
    t.deepEqual(messages.map(({ bytes }) => textOf(bytes)), sent)
  })

  check('nothing is delivered before publish returns', async ({ t, a, at }) => {
    let inside = false
    let delivered = 0
    a.subscribe(at, () => {
      t.false(inside)
      delivered++
    })
    await a.flush()
    inside = true
    a.publish(at, bytesOf('one'))
    inside = false
    await waitFor(() => delivered === 1, 'the message')
  })

  check(
    'after close everything throws, closing again does nothing, and what was sent has left',
    async ({ t, a, b, at }) => {
      const messages = await collect(b, at)
      const own = await collect(a, `${at}.own`)
      a.publish(at, bytesOf('last words'))
      const closing = a.close()
      t.throws(() => a.publish(at, bytesOf('too late')), { code: 'CLOSED' })
      t.throws(() => a.subscribe(at, () => undefined), { code: 'CLOSED' })
      await t.throwsAsync(() => a.flush(), { code: 'CLOSED' })
      await closing
      await a.close()
      t.false(a.connected)
      b.publish(`${at}.own`, bytesOf('for nobody'))
      await b.flush()
      await waitFor(() => messages.length === 1, 'the last words')
      t.is(textOf(messages[0]?.bytes ?? new Uint8Array(0)), 'last words')
      t.deepEqual(own, [])
    }
  )
}
