/**
 * What every Transport must do, whatever carries the messages. The in-process and the NATS adapter
 * run the same suite.
 *
 * The port promises little (at most once, in any order). The suite tests a transport at its best,
 * where nothing is lost. Every test uses subjects of its own, since one server may serve several
 * tests at once.
 *
 * The suite does not show these, and an adapter tests them in its own way: a connection that is
 * lost and found again, with its subscriptions; a peer that does not read, so that `publish` must
 * drop and count in `dropped`; a name that is taken; a server that is not there.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IncomingMessage, Transport } from '../replication/transport/transport.js'
import type { DeclareTest } from './runner.js'
import { Patience } from './patience.js'

/** One network, and the connections to it that a test opens. */
export interface TransportHarness {
  /**
   * A new connection to the network. `name` is unique within the harness; `onProblem` must be told
   * of exceptions in message handlers.
   */
  connect(
    name: string,
    options?: { readonly onProblem?: (error: unknown) => void }
  ): Promise<Transport>
  /** Closes the connections; some of them are closed already. Called once, when a test is over. */
  close(): Promise<void>
}

export interface TransportContractOptions {
  readonly test: DeclareTest
  /** Stands before each title, so that several transports can be told apart in one report. */
  readonly name: string
  /** Called once per test; several harnesses may share one server. */
  readonly open: () => Promise<TransportHarness>
}

interface Setting {
  readonly harness: TransportHarness
  readonly a: Transport
  readonly b: Transport
  /** A subject that no other test uses. */
  readonly at: string
}

/** An event that should not come gets this long to come all the same. */
const LATE_MS = 50

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/**
 * Declares about 17 tests of a Transport: patterns, order, ownership of bytes, inboxes, refusals
 * and closing. A test waits up to 5 s for a message before it fails, and 1 s once another one has
 * waited in vain.
 */
export function transportContract ({ test, name, open }: TransportContractOptions): void {
  let tests = 0
  const patience = new Patience()
  const waitFor = (condition: () => boolean, what: string): Promise<void> =>
    patience.until(condition, what)
  const flushed = (transport: Transport): Promise<void> =>
    patience.settled(transport.flush(), 'a flush to resolve')
  const closed = (closing: Promise<void>): Promise<void> =>
    patience.settled(closing, 'a connection to close')
  /** Subscribes, and waits until the network knows. */
  const collect = async (transport: Transport, pattern: string): Promise<IncomingMessage[]> => {
    const messages: IncomingMessage[] = []
    transport.subscribe(pattern, message => {
      messages.push(message)
    })
    await flushed(transport)
    return messages
  }
  const check = (title: string, run: (setting: Setting) => Promise<void>): void => {
    const at = `contract.t${++tests}`
    const number = tests
    test(`${name}: ${title}`, async () => {
      const harness = await open()
      try {
        await run({
          harness,
          at,
          a: await harness.connect(`a${number}`),
          b: await harness.connect(`b${number}`)
        })
      } finally {
        await closed(harness.close())
      }
    })
  }

  check(
    'a message arrives with its subject, bytes and reply subject',
    async ({ a, b, at }) => {
      const messages = await collect(b, at)
      assert.equal(a.publish(at, bytesOf('hello'), `${at}.reply`), true)
      assert.equal(a.publish(at, new Uint8Array(0)), true)
      await waitFor(() => messages.length === 2, 'two messages')
      assert.deepEqual(messages[0], {
        subject: at,
        bytes: bytesOf('hello'),
        replyTo: `${at}.reply`
      })
      assert.deepEqual(messages[1], { subject: at, bytes: new Uint8Array(0) })
      assert.equal(a.dropped, 0)
    }
  )

  check(
    'a star stands for one token and a greater-than sign for the rest',
    async ({ a, b, at }) => {
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
      assert.deepEqual(subjects(rest), ['.one', '.one.x', '.one.x.y', '.two.x'])
      await waitFor(
        () => star.length === 2 && exact.length === 1,
        'the messages of the other patterns'
      )
      assert.deepEqual(subjects(star), ['.one.x', '.two.x'])
      assert.deepEqual(subjects(exact), ['.one.x'])
    }
  )

  check(
    'a star at the end of a pattern stands for one token as well, and not for several',
    async ({ a, b, at }) => {
      const star = await collect(b, `${at}.*`)
      const rest = await collect(b, `${at}.>`)
      const sent = ['.one', '.one.x', '.one.x.y', '.two']
      for (const subject of sent) a.publish(at + subject, new Uint8Array(1))
      await waitFor(() => rest.length === sent.length, 'the messages below the subject')
      await waitFor(() => star.length >= 2, 'the messages one token below the subject')
      assert.deepEqual(star.map(({ subject }) => subject), [`${at}.one`, `${at}.two`])
    }
  )

  check(
    'of several subscriptions to one pattern each gets every message until it is closed',
    async ({ a, b, at }) => {
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
      await flushed(b)
      a.publish(`${at}.x`, new Uint8Array(1))
      await waitFor(() => last.length === 2 && counts[2] === 2, 'the second message')
      assert.deepEqual(counts, [2, 1, 2])
      for (const subscription of subscriptions) subscription.close()
      await flushed(b)
      a.publish(`${at}.x`, new Uint8Array(1))
      await waitFor(() => last.length === 3, 'the third message')
      assert.deepEqual(counts, [2, 1, 2])
    }
  )

  check(
    'sender and receivers share no bytes: each may change its own',
    async ({ a, b, at }) => {
      const seen: string[] = []
      for (let i = 0; i < 2; i++) {
        b.subscribe(at, ({ bytes }) => {
          seen.push(textOf(bytes))
          bytes.fill(0)
        })
      }
      await flushed(b)
      const whole = bytesOf('..first..')
      const view = whole.subarray(2, 7)
      a.publish(at, view)
      whole.fill(0)
      a.publish(at, Buffer.from('second'))
      await waitFor(() => seen.length === 4, 'two messages at two subscriptions')
      assert.deepEqual(seen.toSorted(), ['first', 'first', 'second', 'second'])
    }
  )

  check('every byte value survives', async ({ a, b, at }) => {
    const messages = await collect(b, at)
    const all = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) & 255)
    a.publish(at, all)
    await waitFor(() => messages.length === 1, 'the message')
    assert.deepEqual(messages[0]?.bytes, all)
  })

  check(
    'all subscribers get a message, the sender itself included',
    async ({ harness, a, b, at }) => {
      const c = await harness.connect(`c-${at}`)
      const inboxes = await Promise.all([a, b, b, c].map(transport => collect(transport, at)))
      a.publish(at, bytesOf('all'))
      await waitFor(
        () => inboxes.every(messages => messages.length === 1),
        'the message at four subscriptions'
      )
      assert.deepEqual(inboxes.map(([first]) => textOf(first?.bytes ?? new Uint8Array(0))), ['all',
        'all', 'all', 'all'])
    }
  )

  check(
    'a request is answered below the inbox, which belongs to one connection alone',
    async ({ a, b, at }) => {
      assert.notEqual(a.inbox, b.inbox)
      b.subscribe(at, ({ bytes, replyTo }) => {
        b.publish(replyTo ?? 'nowhere', bytesOf(`${textOf(bytes)}?`))
      })
      await flushed(b)
      const answers = await collect(a, `${a.inbox}.*`)
      a.publish(at, bytesOf('well'), `${a.inbox}.7`)
      await waitFor(() => answers.length === 1, 'the answer')
      assert.deepEqual(answers[0], { subject: `${a.inbox}.7`, bytes: bytesOf('well?') })
    }
  )

  check(
    'a request that reaches no subscriber is told so at once',
    async ({ a, at }) => {
      const answers = await collect(a, `${a.inbox}.*`)
      a.publish(at, bytesOf('anyone'), `${a.inbox}.1`)
      await waitFor(() => answers.length === 1, 'the notice')
      assert.deepEqual(answers[0], {
        subject: `${a.inbox}.1`,
        bytes: new Uint8Array(0),
        noResponders: true
      })
    }
  )

  check(
    'a message that is too large is refused, and the connection is none the worse',
    async ({ a, b, at }) => {
      const messages = await collect(b, at)
      assert.throws(() => a.publish(at, new Uint8Array(a.maxMessageBytes + 1)), {
        code: 'LIMIT_EXCEEDED'
      })
      assert.equal(a.publish(at, new Uint8Array(a.maxMessageBytes)), true)
      await waitFor(() => messages.length === 1, 'the largest message')
      assert.equal(messages[0]?.bytes.length, a.maxMessageBytes)
      assert.equal(a.connected, true)
      assert.equal(a.dropped, 0)
    }
  )

  check(
    'a subject that is not well formed is refused before it does harm',
    async ({ a, b, at }) => {
      const messages = await collect(b, `${at}.>`)
      for (
        const subject of ['', `${at}.`, `.${at}`, `${at}..x`, `${at}.a b`, `${at}.a\r\nPUB x 0`,
          `${at}.*`, `${at}.>`, `${at}.é`]
      ) {
        assert.throws(() => a.publish(subject, new Uint8Array(1)), TypeError, subject)
        assert.throws(
          () => a.publish(at, new Uint8Array(1), subject),
          TypeError,
          subject
        )
      }
      for (const pattern of ['', `${at}.`, `${at}.>.x`, `${at}.a*`, `${at}.a b`]) {
        assert.throws(
          () => a.subscribe(pattern, () => undefined),
          TypeError,
          pattern
        )
      }
      assert.throws(() => a.publish(`${at}.${'x'.repeat(5000)}`, new Uint8Array(1)), {
        code: 'LIMIT_EXCEEDED'
      })
      a.publish(`${at}.fine`, new Uint8Array(1))
      await waitFor(() => messages.length > 0, 'the well-formed message')
      assert.deepEqual(messages.map(({ subject }) => subject), [`${at}.fine`])
    }
  )

  check(
    'a closed subscription gets nothing more, and the others go on',
    async ({ a, b, at }) => {
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
      assert.deepEqual(first, ['one'])
    }
  )

  check(
    'an exception in a handler is reported, and the messages after it arrive',
    async ({ harness, a, at }) => {
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
      assert.equal((problems[0] as Error).message, 'mistake in a handler')
      assert.equal(careless.connected, true)
    }
  )

  check(
    'messages on one link arrive in the order they were sent',
    async ({ a, b, at }) => {
      const messages = await collect(b, `${at}.*`)
      const sent = Array.from({ length: 2000 }, (_, i) => String(i))
      for (const text of sent) a.publish(`${at}.${Number(text) % 3}`, bytesOf(text))
      await waitFor(() => messages.length === sent.length, 'all messages')
      assert.deepEqual(messages.map(({ bytes }) => textOf(bytes)), sent)
    }
  )

  check('nothing is delivered before publish returns', async ({ a, at }) => {
    let publishing = false
    const deliveredInside: boolean[] = []
    a.subscribe(at, () => {
      deliveredInside.push(publishing)
    })
    await flushed(a)
    publishing = true
    a.publish(at, bytesOf('one'))
    publishing = false
    await waitFor(() => deliveredInside.length === 1, 'the message')
    assert.deepEqual(deliveredInside, [false])
  })

  check(
    'after close everything throws, closing again does nothing, and what was sent has left',
    async ({ a, b, at }) => {
      const messages = await collect(b, at)
      const own = await collect(a, `${at}.own`)
      a.publish(at, bytesOf('last words'))
      const closing = a.close()
      assert.throws(() => a.publish(at, bytesOf('too late')), { code: 'CLOSED' })
      assert.throws(() => a.subscribe(at, () => undefined), { code: 'CLOSED' })
      await assert.rejects(() => a.flush(), { code: 'CLOSED' })
      await closed(closing)
      await closed(a.close())
      assert.equal(a.connected, false)
      b.publish(`${at}.own`, bytesOf('for nobody'))
      await flushed(b)
      await waitFor(() => messages.length === 1, 'the last words')
      assert.equal(textOf(messages[0]?.bytes ?? new Uint8Array(0)), 'last words')
      assert.deepEqual(own, [])
    }
  )

  check(
    'a connection that is closed by its own side tells no listener of it',
    async ({ harness, at }) => {
      const told: boolean[] = []
      const closing = await harness.connect(`closing-${at}`)
      closing.onConnection(connected => {
        told.push(connected)
      })
      await flushed(closing)
      await closed(closing.close())
      closing.onConnection(connected => {
        told.push(connected)
      })
      await sleep(LATE_MS)
      assert.deepEqual(told, [])
    }
  )
}
