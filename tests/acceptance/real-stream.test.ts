/**
 * The whole promise at once, with real processes: a stream of retail events through three nodes on
 * NATS and SQLite, one of which is killed halfway and started again, while a slow consumer reads
 * along. In the end all replicas are the same bytes, every record is its latest event, and the
 * consumer knows the same, although it was shown fewer changes than there were events. And all of
 * it again with the rows in random order.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { startNatsServer } from '../support/nats-server.js'
import { output, parseLines, startMillpond, startNode,
  type MillpondProcess } from '../support/millpond-process.js'
import { waitFor } from '../../testing/wait-for.js'
import { describeSeed, pickSeed } from '../support/ports.js'
import { latestRows, readEventsFile, shuffle } from './events-file.js'

const NODES = ['a', 'b', 'c'] as const
const RATE = 2000
const DEADLINE_MS = 120_000

interface DumpedRecord {
  key: string
  fields: Record<string, unknown>
  version: number
}
interface ShownChange extends DumpedRecord {
  deleted: boolean
  changed: string[]
  shard: number
}
interface Status {
  nodes: Array<
    {
      node: string,
      members: string[],
      caches: Record<
        string,
        {
          records: number,
          lag: number,
          held: Array<{ group: number, phase: string, root: string, owners: string[] }>
        }
      >
    }
  >
  unanswered: unknown[]
}

const events = readEventsFile()
const source = events.isReal ? 'the real file' : 'made-up rows, because the real file is not there'

async function status (t: ExecutionContext, where: readonly string[]): Promise<Status> {
  return JSON.parse(await output(t, ['status', '--json', ...where])) as Status
}

/** Three nodes that see each other, with nothing left to merge, and the same digests everywhere. */
function isSettled ({ nodes, unanswered }: Status): boolean {
  const caches = nodes.map(node => node.caches['retail'])
  const roots = new Set(
    caches.map(cache => JSON.stringify(cache?.held.map(({ group, root }) => [group, root])))
  )
  return nodes.length === NODES.length && unanswered.length === 0 && roots.size === 1 &&
    nodes.every(({ members }) => members.length === NODES.length) &&
    caches.every(cache =>
      cache?.lag === 0 &&
      cache.held.every(({ phase, owners }) => phase === 'ready' && owners.length === NODES.length)
    )
}

/** Hands rows to a process at the pace it reads them. */
async function feed (ingest: MillpondProcess, rows: readonly string[]): Promise<void> {
  const { stdin } = ingest.child
  for (let i = 0; i < rows.length; i += 1000) {
    if (!stdin.write(`${rows.slice(i, i + 1000).join('\n')}\n`)) {
      await new Promise<void>(resolve => {
        stdin.once('drain', resolve)
      })
    }
  }
}

async function streamThrough (t: ExecutionContext, rows: readonly string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millpond-acceptance-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  const nats = await startNatsServer()
  t.teardown(() => nats.stop())
  const where = ['--cluster', 'shop', '--nats', nats.url]
  const cache = [...where, '--cache', 'retail']
  const nodeArgs = (
    name: string
  ): string[] => [...cache, '--name', name, '--data', join(directory, name), '--shards', '64',
    '--replicas', String(NODES.length)]
  const nodes = new Map(
    await Promise.all(
      NODES.map(async (
        name
      ): Promise<[string, MillpondProcess]> => [name, await startNode(t, nodeArgs(name))])
    )
  )
  await waitFor(
    async () => isSettled(await status(t, where)),
    'three nodes to see each other',
    DEADLINE_MS
  )

  const consumer = startMillpond(t, ['consume', '--group', 'repricer', '--rate', String(RATE),
    ...cache])
  const startMs = performance.now()
  const ingest = startMillpond(t, ['ingest', '-', '--format', 'csv', '--key', 'StockCode', '--at',
    'InvoiceDate', ...cache])
  const half = Math.floor(rows.length / 2)
  await feed(ingest, [events.header, ...rows.slice(0, half)])
  t.is((await nodes.get('b')?.end('SIGKILL'))?.signal, 'SIGKILL')
  const feeding = feed(ingest, rows.slice(half)).then(() => {
    ingest.child.stdin.end()
  })
  nodes.set('b', await startNode(t, nodeArgs('b')))
  await feeding
  const ingested = await ingest.ended
  t.is(ingested.status, 0, ingested.stderr)
  t.like(JSON.parse(ingested.stdout), { read: rows.length, written: rows.length, rejected: 0 })
  const ingestSeconds = (performance.now() - startMs) / 1000

  await waitFor(async () => isSettled(await status(t, where)), 'three equal replicas', DEADLINE_MS)
  const dumps = await Promise.all(NODES.map(name => output(t, ['dump', '--node', name, ...cache])))
  t.true(dumps.every(dump => dump === dumps[0]), 'the replicas are not the same')
  const records = parseLines<DumpedRecord>(dumps[0] ?? '')
  const expected = latestRows(events.header, rows)
  t.is(records.length, expected.size)
  t.deepEqual(
    records.filter(({ key, fields }) => !isDeepStrictEqual(fields, expected.get(key))),
    []
  )

  const view = new Map<string, ShownChange>()
  let shown = 0
  let read = 0
  const isUpToDate = (): boolean => {
    const text = consumer.stdout
    const end = text.lastIndexOf('\n') + 1
    for (const change of parseLines<ShownChange>(text.slice(read, end))) {
      shown++
      view.set(change.key, change)
    }
    read = end
    return records.every(({ key, version }) => view.get(key)?.version === version)
  }
  await waitFor(isUpToDate, 'the consumer to know every record', DEADLINE_MS)
  t.is((await consumer.end()).status, 0)
  t.deepEqual(
    records.filter(({ key, fields }) => !isDeepStrictEqual(fields, view.get(key)?.fields)),
    []
  )
  t.is(view.size, records.length)
  t.true(shown < rows.length, `${shown} changes were shown of ${rows.length} events`)
  for (const [name, node] of nodes) t.is((await node.end()).status, 0, name)
  t.log(
    `${rows.length} rows in ${
      ingestSeconds.toFixed(1)
    } s; ${records.length} records; ${shown} changes shown to the consumer`
  )
}

test.serial(`though a node dies, every reader ends with the latest of ${source}`, async t => {
  t.timeout(300_000)
  await streamThrough(t, events.rows)
})

test.serial('the same holds when the rows come in random order', async t => {
  t.timeout(300_000)
  const seed = pickSeed()
  t.log(describeSeed(seed))
  await streamThrough(t, shuffle(events.rows, seed))
})
