/**
 * Refusals of the command line: one line on standard error that names the value and the fix, status
 * 2, and no stack trace. One after the other: many processes that start at once only wait for each
 * other.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { withClient } from '../../cli/cluster.js'
import { failureOf, starting } from '../../cli/failure.js'
import { run } from '../../cli/program.js'
import { ConfigError, ConnectionError, MillpondError, StoreError,
  UnavailableError } from '../../engine/errors.js'
import { millpond, output, startNode } from '../support/millpond-process.js'
import { freePort, startNatsServer, type NatsServer } from '../support/nats-server.js'

let nats: NatsServer | undefined
let clusters = 0
test.before(async () => {
  nats = await startNatsServer()
})
test.after.always(async () => {
  await nats?.stop()
})

async function refuses (t: ExecutionContext, args: readonly string[], line: RegExp): Promise<void> {
  const { status, stdout, stderr } = await millpond(t, args)
  t.is(status, 2, stderr)
  t.is(stdout, '')
  t.regex(stderr, /^millpond: [^\n]*\n$/, 'it is one line')
  t.regex(stderr, line)
}

function place (): string[] {
  return ['--cluster', `r${++clusters}`, '--nats', nats?.url ?? '', '--cache', 'offers']
}

const WRONG: Array<[args: string[], line: RegExp]> = [
  [['demo', '--evnets', '5'], /unknown option '--evnets'.*--events.*see millpond demo --help/],
  [['demo', '--events', 'many'], /--events "many": give a whole number from 1 to/],
  [['demo', '--input', 'x.csv'], /--key is missing/],
  [['demo', '--input', 'x.txt', '--key', 'k'], /cannot tell the format of x\.txt.*--format/],
  [['node', '--shards', '0'], /--shards "0": give a whole number from 1 to 65536/],
  [['node', '--log-level', 'loud'], /--log-level "loud": give one of silent, error/],
  [['node', '--shards', '4', '--groups', '8'], /groups 8 is more than shards 4/],
  [['node', '--name', 'a.b'], /node name.*a\.b/],
  [['node', '--metrics-port', '70000'],
    /--metrics-port "70000": give a whole number from 0 to 65535/],
  [['ingest', 'x.csv'], /'--key <field>' not specified.*see millpond ingest --help/],
  [['ingest', '--key', 'k'], /missing required argument 'file'/],
  [['ingest', 'x.csv', '--key', 'k', '--ack', 'most'],
    /--ack "most": give buffered, durable, majority, all or a number/],
  [['ingest', 'x.csv', '--key', 'k', '--fields', 'a,,b'], /--fields "a,,b"/],
  [['consume'], /'--group <group>' not specified/],
  [['consume', '--group', 'g', '--rate', '-1'], /--rate "-1": give a number above 0/],
  [['consume', '--group', 'g', '--rate', '1e-9'],
    /--rate "1e-9": give a number of at least 0\.001/],
  [['forget'], /missing required argument 'store'/],
  [['get'], /missing required argument 'key'/],
  [['get', 'a', 'b'], /too many arguments/],
  [['get', ''], /^key "": a key must not be empty/],
  [['get', 'x'.repeat(100_000)], /^key "x{40}…": key .* at most \d+ are allowed/],
  [['forget', ''], /^store "": give the id of a store/],
  [['help', 'stauts'], /^help "stauts": there is no such command; known are status, .*--help$/],
  [['help', 'x'.repeat(100_000)], /^help "x{40}…": there is no such command/],
  [['grow'], /unknown command 'grow'.*see millpond --help/],
  [['status', '--nats', 'nats://me:secret@host'],
    /credentials in a NATS server URL are not used.*give --nats-user and --nats-pass/],
  [['status', '--nats', ','], /--nats ",": give a NATS server, such as nats:/],
  [['status', '--nats', 'nats://:x'], /--nats: not a NATS server URL: nats:..:x/],
  [['node', '--data', import.meta.filename],
    /cannot open the store .*: a file stands where .* directory should be. Give .* with --data/]
]
for (const [args, line] of WRONG) {
  const shown = args.map(arg => arg === '' ? '""' : arg.slice(0, 60)).join(' ')
  test(`millpond ${shown} is refused`, async t => {
    const error = await t.throwsAsync(run(args))
    const failure = failureOf(error)
    t.is(failure.status, 2, String(error?.stack))
    t.false(failure.line.includes('\n'))
    t.regex(failure.line, line)
  })
}

for (
  const error of [new UnavailableError('no'), new StoreError('no'), new ConnectionError('no')]
) {
  test(`${error.code} is status 2 at the start of a command, and 1 on its way`, async t => {
    const atStart = await t.throwsAsync(starting(Promise.reject(error)))
    t.deepEqual(failureOf(atStart), { line: 'no', status: 2 })
    t.deepEqual(failureOf(error), { line: 'no', status: 1 })
  })
}

test('a flag that cannot be is status 2 also on the way, and a bug is one at any time', async t => {
  t.is(failureOf(new ConfigError('no')).status, 2)
  const bug = await t.throwsAsync(starting(Promise.reject(new TypeError('no'))))
  t.is(failureOf(bug).status, 70)
})

test('advice about data directories is given in flags, wherever it comes from', async t => {
  const files = ['node/cache/open-store.ts', 'storage/loading.ts',
    'storage/stores/sqlite-schema.ts', 'storage/stores/sqlite-store.ts']
  for (const file of files) {
    const source = readFileSync(resolve(import.meta.dirname, '../..', file), 'utf8')
    const text = source.replaceAll(/['`] \+\n *['`]/g, '')
    const advice = [...text.matchAll(/give (?:the|this) node [^':]*directory[^',]*/gi)].map(String)
    t.true(advice.length > 0, file)
    for (const setting of advice) {
      const { line } = failureOf(
        new MillpondError('STORE', setting, {
          changed: 'no',
          retryable: false
        })
      )
      t.regex(line, /give (?:another|an empty) directory with --data/i, `${file}: ${setting}`)
    }
  }
})

test.serial('a cluster that stops answering on the way is status 1', async t => {
  const where = place()
  const node = await startNode(t, [...where, '--name', 'n1', '--shards', '4', '--replicas', '1'])
  const flags = { cluster: where[1] ?? '', nats: nats?.url ?? '' }
  const error = await t.throwsAsync(
    withClient(flags, async client => {
      await node.end()
      return await client.cache('offers').get('k')
    }),
    { code: 'UNAVAILABLE' }
  )
  t.is(failureOf(error).status, 1)
})

test.serial('a refusal is one line on standard error, with status 2', async t => {
  await refuses(t, ['get', 'a', 'b'], /too many arguments/)
  await refuses(t, ['node', '--name', 'a.b'], /node name.*a\.b/)
})

test.serial('a password in a URL is not repeated', async t => {
  t.notRegex((await millpond(t, ['status', '--nats', 'nats://me:secret@host'])).stderr, /secret/)
})

test.serial('a server that is not there is named, by every command that needs one', async t => {
  const url = `nats://127.0.0.1:${await freePort()}`
  const commands = [['node'], ['ingest', '-', '--format', 'csv', '--key', 'k'], ['consume',
    '--group', 'g'], ['get', 'k'], ['dump'], ['forget', 'n1'], ['status']]
  await Promise.all(
    commands.map(command =>
      refuses(
        t,
        [...command, '--nats', url, ...command[0] === 'node' ? ['--log-level', 'silent'] : []],
        new RegExp(`cannot connect to NATS at ${url} .*start nats-server.*correct --nats$`, 'm')
      )
    )
  )
})

test.serial('a cluster nobody runs and a cache or node it does not have are named', async t => {
  const where = place()
  await refuses(
    t,
    ['status', ...where.slice(0, 4)],
    /no node of cluster r\d+ answered within 3000 ms/
  )
  await startNode(t, [...where, '--name', 'n1', '--shards', '4', '--replicas', '1'])
  await refuses(
    t,
    ['dump', ...where.slice(0, 4), '--cache', 'others'],
    /cache "others" is not one cluster r\d+ runs \(offers\)/
  )
  await refuses(
    t,
    ['status', ...where.slice(0, 4), '--cache', 'others'],
    /cache "others" is not one cluster r\d+ runs \(offers\)/
  )
  await refuses(t, ['dump', ...where, '--node', 'n2'], /--node "n2": no such node; there are n1/)
})

test.serial('a second process under a taken name is refused, and the first goes on', async t => {
  const where = place()
  const flags = [...where, '--name', 'n1', '--shards', '4', '--replicas', '1', '--log-level',
    'silent']
  await startNode(t, flags)
  await refuses(t, ['node', ...flags], /node name n1 is taken.*choose another name/)
  await output(t, ['status', ...where])
})

test.serial('settings that contradict the cluster are refused with both values', async t => {
  const where = place()
  await startNode(t, [...where, '--name', 'n1', '--shards', '4', '--replicas', '1'])
  await refuses(
    t,
    ['node', ...where, '--name', 'n2', '--shards', '8', '--replicas', '1', '--log-level', 'silent'],
    /cache offers: shards 8 here, 4 there, groups 8 here, 4 there \(groups follow from shards .*n1/
  )
})

test.serial('settings contradicting the data directory are refused with both values', async t => {
  const where = place()
  const directory = mkdtempSync(join(tmpdir(), 'millpond-refusals-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  const flags = [...where, '--name', 'n1', '--replicas', '1', '--data', directory]
  await (await startNode(t, [...flags, '--shards', '4'])).end()
  await refuses(
    t,
    ['node', ...flags, '--shards', '8', '--log-level', 'silent'],
    new RegExp(
      'shards 8 contradicts the data in the store of cache offers \\(.*\\), which was written ' +
        'with shards 4: use 4, or give another directory with --data'
    )
  )
})

test.serial('a data directory that another node uses is refused', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'millpond-refusals-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  await startNode(t, [...place(), '--name', 'n1', '--shards', '4', '--data', directory])
  await refuses(t, ['node', ...place(), '--name', 'n2', '--shards', '4', '--data', directory,
    '--log-level', 'silent'], new RegExp(directory))
})

test.serial('the version is that of the package alone, and help goes to stdout', async t => {
  const { version } = JSON.parse(
    readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')
  ) as { version: string }
  t.is(await output(t, ['--version']), `${version}\n`)
  t.regex(await output(t, ['--help']), /^Usage: millpond /)
  t.regex(await output(t, ['ingest', '--help']), /^Usage: millpond ingest /)
  const bare = await millpond(t, [])
  t.is(bare.status, 2)
  t.regex(bare.stderr, /^Usage: millpond /)
})
