/**
 * Every command as a user runs it: real processes against a real nats-server, and what they print,
 * byte by byte where programs read it. One test after the other: many processes that start at once
 * only wait for each other.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { connect } from '../../index.js'
import { millpond, output, parseLines, startMillpond, startNode,
  type MillpondProcess } from '../support/millpond-process.js'
import { startNatsServer, type NatsServer } from '../support/nats-server.js'
import { waitFor } from '../../testing/wait-for.js'

const ROWS = [
  { sku: 'b', price: 2.5, at: '2024-01-02T00:00:00Z' },
  { sku: 'a', price: 1, at: '2024-01-01T00:00:00Z' },
  { sku: 'b', price: 9, at: '2024-01-01T00:00:00Z' },
  { sku: 'ü', price: 3, tags: ['x'], at: '2024-01-01T00:00:00Z' }
]
const NDJSON = ROWS.map(row => JSON.stringify(row)).join('\n')
const AT_MS = Date.UTC(2024, 0, 1)
const DAY_MS = 86_400_000

let nats: NatsServer | undefined
let clusters = 0
test.before(async () => {
  nats = await startNatsServer()
})
test.after.always(async () => {
  await nats?.stop()
})

interface Place {
  /** Flags that say where the cluster is. */
  readonly cluster: string[]
  readonly cache: string[]
}

/** A cluster name of the test's own, on the server all tests share. */
function place (): Place {
  const cluster = ['--cluster', `c${++clusters}`, '--nats', nats?.url ?? '']
  return { cluster, cache: [...cluster, '--cache', 'offers'] }
}

function temporary (t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'millpond-commands-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

async function oneNode (
  t: ExecutionContext,
  { cache }: Place,
  ...flags: string[]
): Promise<MillpondProcess> {
  return await startNode(t, [...cache, '--name', 'n1', '--shards', '4', '--replicas', '1',
    ...flags])
}

const INGEST = ['ingest', '-', '--format', 'ndjson', '--key', 'sku', '--at', 'at', '--fields',
  'price,tags']

test.serial('an ingested record is printed by get, dump and consume', async t => {
  const where = place()
  const node = await oneNode(t, where)
  t.is(node.stdout, `ready node=n1 cluster=${where.cluster[1]} cache=offers\n`)

  const summary = JSON.parse(await output(t, [...INGEST, ...where.cache], NDJSON)) as {
    seconds: unknown
  }
  t.deepEqual({ ...summary, seconds: typeof summary.seconds }, {
    read: 4,
    written: 4,
    rejected: 0,
    seconds: 'number'
  })

  t.is(await output(t, ['get', 'b', ...where.cache]), '{"price":2.5}\n')
  t.is(await output(t, ['get', 'ü', ...where.cache]), '{"price":3,"tags":["x"]}\n')
  const dump = [
    `{"key":"a","fields":{"price":1},"version":${AT_MS * 1000}}\n`,
    `{"key":"b","fields":{"price":2.5},"version":${(AT_MS + DAY_MS) * 1000}}\n`,
    `{"key":"ü","fields":{"price":3,"tags":["x"]},"version":${AT_MS * 1000}}\n`
  ].join('')
  t.is(await output(t, ['dump', ...where.cache]), dump)
  t.is(await output(t, ['dump', '--node', 'n1', ...where.cache]), dump)

  const consume = ['consume', '--group', 'g', '--until-idle', '200', ...where.cache]
  const changes = parseLines<{ key: string }>(await output(t, consume))
  t.deepEqual(
    changes.map(change => Object.keys(change)),
    changes.map(() => ['key', 'deleted', 'fields', 'changed', 'version', 'shard'])
  )
  t.like(changes.find(({ key }) => key === 'b'), {
    deleted: false,
    fields: { price: 2.5 },
    changed: ['price'],
    version: (AT_MS + DAY_MS) * 1000
  })
  t.deepEqual(changes.map(({ key }) => key).sort(), ['a', 'b', 'ü'])
  t.is(await output(t, consume), '', 'the group had committed what it was shown')
  t.is(
    parseLines(
      await output(t, ['consume', '--group', 'other', '--rate', '1000', '--until-idle', '200',
        ...where.cache])
    ).length,
    3
  )

  const { status, stdout, stderr } = await node.end()
  t.deepEqual([status, stdout.split('\n').length], [0, 2])
  t.deepEqual(parseLines<{ msg: string }>(stderr).map(({ msg }) => msg), ['ready', 'stopping',
    'stopped'])
})

test.serial('a record that is not there is one line on standard error and status 1', async t => {
  const where = place()
  await oneNode(t, where)
  const { status, stdout, stderr } = await millpond(t, ['get', 'nothing', ...where.cache])
  t.deepEqual([status, stdout, stderr], [1, '', 'millpond: no record "nothing" in cache offers\n'])
  const forgotten = await millpond(t, ['forget', 'nobody', ...where.cluster])
  t.is(forgotten.status, 1)
  t.regex(
    forgotten.stderr,
    /^millpond: no node of cluster \S+ waits for a store or node "nobody"\n$/
  )
})

test.serial('a CSV file is ingested, gzip or not, and bad rows are told by line', async t => {
  const where = place()
  await oneNode(t, where)
  const file = join(temporary(t), 'offers.csv')
  writeFileSync(
    file,
    `sku,price,at\na,1.50,2024-01-01\nb,2,yesterday\n,3,2024-01-01\n${
      'k'.repeat(600)
    },4,2024-01-01\nfuture,5,2900-01-01\nc,6,2024-01-02\n`
  )
  const { status, stdout, stderr } = await millpond(t, ['ingest', file, '--key', 'sku', '--at',
    'at', ...where.cache])
  t.is(status, 0, stderr)
  t.like(JSON.parse(stdout), { read: 6, written: 2, rejected: 4 })
  t.deepEqual(
    stderr.trimEnd().split('\n').map(line => /^millpond: (line \d+): ./.exec(line)?.[1]),
    ['line 3', 'line 4', 'line 5', 'line 6']
  )
  t.is(await output(t, ['get', 'a', ...where.cache]), '{"at":"2024-01-01","price":1.5}\n')

  const strict = await millpond(t, ['ingest', file, '--key', 'sku', '--at', 'at', '--strict',
    ...where.cache])
  t.is(strict.status, 1)
  t.like(JSON.parse(strict.stdout), { read: 2, written: 1, rejected: 1 })
  t.is(
    strict.stderr,
    `millpond: line 3: column 'at' is not an event time: "yesterday"\n` +
      'millpond: stopped at line 3, because of --strict\n'
  )
})

test.serial('a row for a field of another kind is told by line, others are written', async t => {
  const where = place()
  await oneNode(t, where)
  const cluster = where.cluster[1] ?? ''
  const client = await connect({ cluster, nats: { servers: nats?.url ?? '' } })
  await client.cache('offers').increment('a', 'price', 1, { ack: 'majority' })
  await client.close()
  const { status, stdout, stderr } = await millpond(t, [...INGEST, ...where.cache], NDJSON)
  t.is(status, 0, stderr)
  t.like(JSON.parse(stdout), { read: 4, written: 3, rejected: 1 })
  t.regex(stderr, /^millpond: line 2: field price is a counter .*\n$/)
})

test.serial('ingest waits for as many replicas as --ack names, or says it could not', async t => {
  const where = place()
  await oneNode(t, where)
  for (const ack of ['buffered', 'durable', 'majority', 'all', '1']) {
    t.like(JSON.parse(await output(t, [...INGEST, '--ack', ack, ...where.cache], NDJSON)), {
      written: 4
    })
  }
  const { status, stdout, stderr } = await millpond(
    t,
    [...INGEST, '--ack', '2', ...where.cache],
    NDJSON
  )
  t.is(status, 2)
  t.is(stdout, '')
  t.regex(stderr, /^millpond: write concern 2 cannot be reached: [^\n]*\n$/)
})

test.serial('status tells of every node, for people and for programs', async t => {
  const where = place()
  const flags = [...where.cache, '--shards', '4', '--groups', '2', '--replicas', '2']
  await Promise.all(['n1', 'n2'].map(name => startNode(t, [...flags, '--name', name])))
  t.like(JSON.parse(await output(t, [...INGEST, ...where.cache], NDJSON)), { written: 4 })
  interface Status {
    nodes: Array<
      {
        node: string,
        members: string[],
        caches: {
          offers: { lag: number, records: number, held: Array<{ root: string, phase: string }> }
        }
      }
    >
  }
  let status: Status = { nodes: [] }
  await waitFor(async () => {
    status = JSON.parse(await output(t, ['status', '--json', ...where.cluster])) as Status
    return new Set(
          status.nodes.map(({ caches }) => caches.offers.held.map(({ root }) => root).join())
        ).size === 1 &&
      status.nodes.every(({ caches }) => caches.offers.held.every(({ phase }) => phase === 'ready'))
  }, 'two equal replicas')
  t.like(status, { cluster: where.cluster[1], unanswered: [] })
  t.deepEqual(status.nodes.map(({ node, members }) => [node, members]), [['n1', ['n1', 'n2']], [
    'n2',
    ['n1', 'n2']
  ]])
  for (const { caches } of status.nodes) {
    t.like(caches.offers, {
      shards: 4,
      groups: 2,
      replicas: 2,
      records: 3,
      lag: 0,
      unstoredBytes: 0
    })
    t.deepEqual(caches.offers.held.map(held => Object.keys(held).sort()), [['group', 'owners',
      'phase', 'root', 'sequence'], ['group', 'owners', 'phase', 'root', 'sequence']])
  }

  const text = await output(t, ['status', ...where.cache])
  const [cluster, blank, cache] = text.split('\n')
  t.regex(cluster ?? '', /^cluster \S+: n1, n2$/)
  t.is(blank, '')
  t.is(cache, 'cache offers: 4 shards in 2 groups, 2 replicas; replicas are identical')
  t.regex(text, /\nn1 +2 +3 +2 +0 +0 +\d+ +0\nn2 +2 +3 +2 +0 +0 +\d+ +0\n/)
  t.notRegex(text, /consumer/)
  await output(t, ['consume', '--group', 'repricer', '--until-idle', '200', ...where.cache])
  t.regex(
    await output(t, ['status', ...where.cache]),
    /\nconsumer group +shards with a committed cursor\nrepricer +n1 4, n2 4\n$/
  )
})

test.serial('a consumer tells of itself in its log and its metrics (SPEC C13)', async t => {
  const where = place()
  const node = await oneNode(t, where)
  await output(t, [...INGEST, ...where.cache], NDJSON)
  const consumer = startMillpond(t, ['consume', '--group', 'repricer', '--log-level', 'info',
    '--metrics-port', '0', ...where.cache])
  await waitFor(() => consumer.stdout.split('\n').length === 4, 'three changes')
  const [, url = ''] = /metrics at (\S+)\n/.exec(consumer.stderr) ?? []
  const labels = '{cache="offers",consumer_group="repricer"}'
  let text = ''
  await waitFor(async () => {
    text = await (await fetch(url)).text()
    return text.includes(`millpond_consumer_uncommitted_records${labels} 0\n`)
  }, 'the commit')
  t.true(text.includes(`millpond_consumers${labels} 1\n`))
  t.true(text.includes('millpond_consumers_started_total{cache="offers"} 1\n'))
  t.true(text.includes(`millpond_consumer_unheld_groups${labels} 0\n`))
  const health = async () => await (await fetch(url.replace('/metrics', '/healthz'))).text()
  t.is(await health(), 'ok\n')
  await node.end('SIGTERM')
  await waitFor(() => consumer.stderr.includes('consumer-unheld'), 'the loss of the node')
  t.is(await health(), 'no node in view holds 4 placement groups of cache offers\n')
  t.is((await fetch(url.replace('/metrics', '/healthz'))).status, 503)
  t.true((await (await fetch(url)).text()).includes(`_consumer_unheld_groups${labels} 4\n`))
  const { stderr } = await consumer.end('SIGINT')
  const events = parseLines<{ msg: string, consumerGroup?: string, why?: string }>(
    stderr.split('\n').filter(line => line.startsWith('{')).join('\n')
  ).filter(({ consumerGroup }) => consumerGroup === 'repricer')
  t.deepEqual(events.map(({ msg, why }) => [msg, why]), [['consumer-started', undefined], [
    'consumer-unheld',
    undefined
  ], ['consumer-ended', 'stopped']])
})

test.serial('a node told to end keeps its data, and resumes it under the same name', async t => {
  const where = place()
  const directory = temporary(t)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const node = await oneNode(t, where, '--data', directory)
    const got = await millpond(t, ['get', 'a', ...where.cache])
    t.is(got.stdout, signal === 'SIGTERM' ? '' : '{"price":1}\n')
    await output(t, [...INGEST, ...where.cache], NDJSON)
    t.is((await node.end(signal)).status, 0)
  }
})

test.serial('a node serves its metrics, its health and whether it is ready (SPEC R24)', async t => {
  const where = place()
  const node = await oneNode(t, where, '--metrics-port', '0')
  await output(t, [...INGEST, ...where.cache], NDJSON)
  const url = /metrics=(\S+)\/metrics/.exec(node.stdout)?.[1] ?? ''
  const metrics = await fetch(`${url}/metrics`)
  t.is(metrics.status, 200)
  t.regex(metrics.headers.get('content-type') ?? '', /^text\/plain/)
  t.regex(await metrics.text(), /^millpond_records\{cache="offers"\} 3$/m)
  const health = await fetch(`${url}/healthz`)
  t.deepEqual([health.status, await health.text()], [200, 'ok\n'])
  t.is((await fetch(`${url}/readyz`)).status, 200, 'it printed that it is ready')
  t.is((await fetch(url)).status, 404)

  const { status, stderr } = await millpond(t, ['node', ...where.cache, '--name', 'n2',
    '--replicas', '1', '--shards', '4', '--metrics-port', new URL(url).port, '--log-level',
    'silent'])
  t.is(status, 2)
  t.regex(stderr, /^millpond: --metrics-port \d+: [^\n]*EADDRINUSE[^\n]*\n$/)
})

test.serial('a consumer follows until it is told to end', async t => {
  const where = place()
  await oneNode(t, where)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const consumer = startMillpond(t, ['consume', '--group', signal, ...where.cache])
    await output(t, [...INGEST, ...where.cache], NDJSON)
    await waitFor(() => parseLines(consumer.stdout).length >= 3, 'three changes')
    const { status, stderr } = await consumer.end(signal)
    t.deepEqual([status, stderr], [0, ''])
  }
})

test.serial('ingest interrupted while it waits for more says how far it came', async t => {
  const where = place()
  await oneNode(t, where)
  const ingest = startMillpond(t, [...INGEST, ...where.cache])
  ingest.child.stdin.write(`${NDJSON}\n`)
  await waitFor(
    async () => (await millpond(t, ['get', 'a', ...where.cache])).status === 0,
    'a record'
  )
  const { status, stdout, stderr } = await ingest.end('SIGINT')
  t.is(status, 1)
  t.like(JSON.parse(stdout), { read: 4, written: 4, rejected: 0 })
  t.is(stderr, 'millpond: interrupted after 4 rows\n')
})

test.serial('dump and consume end quietly with a reader, committing what it got', async t => {
  const where = place()
  await oneNode(t, where)
  const rows = Array.from({ length: 20_000 }, (_, i) => `k${i},${'x'.repeat(100)}`)
  await output(
    t,
    ['ingest', '-', '--format', 'csv', '--key', 'key', ...where.cache],
    `key,text\n${rows.join('\n')}\n`
  )
  for (const command of [['dump'], ['consume', '--group', 'g']]) {
    const reader = startMillpond(t, [...command, ...where.cache])
    await new Promise<void>(resolve => {
      reader.child.stdout.once('data', () => resolve())
    })
    reader.child.stdout.destroy()
    const { status, stderr } = await reader.ended
    t.deepEqual([status, stderr], [0, ''], command.join(' '))
  }
  const rest = parseLines(
    await output(t, ['consume', '--group', 'g', '--until-idle', '300', ...where.cache])
  )
  t.true(rest.length >= 10_000, `${rest.length} were left`)
})
