/**
 * Updates of real Yjs documents that are no shard: other types, deletions, collected structs, and
 * the format V2.
 */
import * as Y from 'yjs'
import { readWire, writeWire } from './wire.js'
import type { Material, Mutation } from './world.js'

/** A document that goes on as one of the writers, at the clock the shard expects next. */
function doc ({ random, writers, own }: Material, gc = true): Y.Doc {
  const made = new Y.Doc({ gc })
  made.clientID = random.pick([...writers, own, random.int(1, 0xffffffff)])
  return made
}

function foreign (
  name: string,
  fill: (doc: Y.Doc, material: Material) => void,
  gc = true
): Mutation {
  return {
    name: `a foreign document: ${name}`,
    mutate (material) {
      const { random } = material
      const made = doc(material, gc)
      for (let times = random.int(1, 3); times > 0; times--) {
        made.transact(() => {
          fill(made, material)
        })
      }
      return random.chance(0.1) ? Y.encodeStateAsUpdateV2(made) : Y.encodeStateAsUpdate(made)
    }
  }
}

export const foreignMutations: readonly Mutation[] = [
  foreign('a map', (made, { random }) => {
    made.getMap(random.pick(['log', 'records'])).set(random.pick(['a', 'b']), { n: 1 })
  }),
  foreign('an array of values', (made, { random }) => {
    made.getArray('log').push([1, 'two', { three: 3 }, null, Uint8Array.of(random.int(0, 255))])
  }),
  foreign('an array of bytes, put in anywhere', (made, { random, updates }) => {
    const [first] = readWire(random.pick(updates)).spans.flatMap(({ structs }) => structs).flatMap((
      { entries }
    ) => entries ?? [])
    const list = made.getArray('log')
    list.insert(random.int(0, list.length), [first?.bytes ?? Uint8Array.of(1),
      first?.bytes ?? Uint8Array.of(2)])
  }),
  foreign('an array with deletions', made => {
    const list = made.getArray('log')
    list.push([1, 2, 3, 4, 5])
    list.delete(1, 2)
  }),
  foreign('an array with deletions that are kept', made => {
    made.getArray('log').push([Uint8Array.of(1), Uint8Array.of(2)])
    made.getArray('log').delete(0, 1)
  }, false),
  foreign('text', (made, { random }) => {
    const text = made.getText('log')
    text.insert(random.int(0, text.length), 'hello')
    text.format(0, 2, { bold: true })
    if (random.chance(0.5)) text.delete(1, 2)
  }),
  foreign('types inside types', made => {
    const map = new Y.Map<unknown>()
    made.getArray('log').push([map])
    map.set('list', new Y.Array())
    map.set('text', new Y.Text('inside'))
  }),
  foreign('types inside types, deleted and collected', made => {
    const list = made.getArray('log')
    list.push([new Y.Map([['a', new Y.Array()]])])
    list.delete(0, 1)
  }),
  foreign('XML', made => {
    made.getXmlFragment('log').push([new Y.XmlElement('p'), new Y.XmlText('text')])
  }),
  foreign('a document inside a document', made => {
    made.getArray('log').push([new Y.Doc({ guid: 'inside' })])
  }),
  foreign('many roots', (made, { random }) => {
    for (let i = random.int(10, 100); i > 0; i--) made.getArray(`root ${i}`).push([i])
  }),
  {
    name: "the shard's own log, changed by Yjs",
    mutate (material) {
      const { random, updates } = material
      const made = new Y.Doc()
      Y.applyUpdate(made, random.pick(updates))
      // Set after the update: before it, Yjs would take another id.
      made.clientID = random.pick([...material.writers, material.own])
      const list = made.getArray('log')
      if (list.length > 0 && random.chance(0.7)) list.delete(random.int(0, list.length - 1), 1)
      if (random.chance(0.7)) list.insert(random.int(0, list.length), [Uint8Array.of(0x80)])
      return Y.encodeStateAsUpdate(
        made,
        random.chance(0.5) ? Y.encodeStateVector(new Map(material.seen)) : undefined
      )
    }
  },
  {
    name: 'merged by Yjs',
    mutate: ({ random, updates }) => Y.mergeUpdates([random.pick(updates), random.pick(updates)])
  },
  {
    name: 'cut by Yjs',
    mutate: ({ random, updates, seen }) =>
      Y.diffUpdate(random.pick(updates), Y.encodeStateVector(new Map(seen)))
  },
  {
    name: 'with a collected struct of Yjs',
    mutate ({ random, updates }) {
      const wire = readWire(random.pick(updates))
      const [span] = wire.spans
      span?.structs.splice(random.int(0, span.structs.length), 0, {
        info: 0,
        origin: null,
        parent: null,
        length: random.pick([1, 5, 2 ** 31]),
        entries: null,
        raw: Uint8Array.of(random.pick([0, 10]), random.int(1, 127))
      })
      return writeWire(wire)
    }
  }
]
