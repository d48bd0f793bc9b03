/**
 * A messenger on a transport that hands it contents of our choice under a checksum that matches, as
 * a peer sends them that is broken in its mind and not on the wire. A message that is not
 * understood must be counted, and a request must come to an end.
 */
import { encodeCbor } from '../../engine/base/codec.js'
import { limits } from '../../engine/limits.js'
import { encodeParts } from '../../replication/messages/envelope.js'
import type { ReplicationEvent } from '../../replication/events.js'
import { Messenger } from '../../replication/messages/messenger.js'
import type { IncomingMessage, Transport } from '../../replication/transport/transport.js'
import type { SimRandom } from '../../sim/random.js'
import { demand } from './round.js'

const PART_BYTES = 400

interface Bench {
  readonly messenger: Messenger
  readonly events: ReplicationEvent[]
  readonly deliver: (pattern: string, message: IncomingMessage) => void
}

function open (): Bench {
  const handlers = new Map<string, (message: IncomingMessage) => void>()
  const events: ReplicationEvent[] = []
  const transport: Transport = {
    inbox: 'inbox',
    maxMessageBytes: PART_BYTES,
    connected: true,
    dropped: 0,
    publish: () => true,
    subscribe (pattern, onMessage) {
      handlers.set(pattern, onMessage)
      return {
        close: () => {
          handlers.delete(pattern)
        }
      }
    },
    onConnection: () => ({ close: () => {} }),
    flush: async () => {},
    close: async () => {}
  }
  const ports = {
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    timers: { after: () => ({ cancel: () => {} }) },
    random: { uint32: () => 1 }
  }
  const messenger = new Messenger({
    transport,
    ports,
    limits,
    onEvent: event => {
      events.push(event)
    }
  })
  return { messenger, events, deliver: (pattern, message) => handlers.get(pattern)?.(message) }
}

/** At most 96 parts fit one message; what is longer goes in one part. */
function partsOf (kind: 'hint' | 'reply', content: Uint8Array, subject: string): Uint8Array[] {
  return encodeParts(
    kind,
    7,
    content,
    content.length > PART_BYTES * 90 ? content.length + 16 : PART_BYTES,
    subject,
    limits
  )
}

export function receiveMessage (random: SimRandom, content: Uint8Array): string {
  const { messenger, events, deliver } = open()
  const got: unknown[] = []
  messenger.on('news', 'hint', value => {
    got.push(value)
  })
  for (const bytes of random.shuffle(partsOf('hint', content, 'news'))) {
    deliver('news', { subject: 'news', bytes })
  }
  demand(
    events.every(({ type }) => type === 'message-refused'),
    `events ${events.map(({ type }) => type).join(' ')}`
  )
  demand(
    got.length + events.length === 1,
    `${got.length} values were handed out and ${events.length} messages refused`
  )
  for (const value of got) encodeCbor(value) // throws unless the value is data
  return got.length === 1 ? 'understood' : 'refused'
}

export function receiveAnswer (random: SimRandom, content: Uint8Array): string {
  const { messenger, events, deliver } = open()
  const asked = messenger.request('ask', 1, 100, { what: 'question', changes: false })
  asked.catch(() => {}) // its end is checked below
  for (const bytes of random.shuffle(partsOf('reply', content, 'inbox.1'))) {
    deliver('inbox.*', { subject: 'inbox.1', bytes })
  }
  demand(
    messenger.requestsWaiting + (events.length === 0 ? 1 : 0) === 1,
    `${messenger.requestsWaiting} questions wait, and ${events.length} messages were refused`
  )
  return events.length === 0 ? 'understood' : 'refused'
}
