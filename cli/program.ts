/**
 * The commands and their flags. commander is imported here and nowhere else; it reads the arguments
 * and writes the help, and each of its objections becomes one line and exit status 2.
 */
import { existsSync, readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { knownNames } from '../engine/base/known.js'
import { describe } from '../engine/base/plain.js'
import { ConfigError } from '../engine/errors.js'
import { limits } from '../engine/limits.js'
import { runConsume, type ConsumeFlags } from './commands/consume.js'
import { runDemo, type DemoFlags } from './commands/demo.js'
import { runDump, type DumpFlags } from './commands/dump.js'
import { runForget } from './commands/forget.js'
import { runGet } from './commands/get.js'
import { runIngest, type IngestFlags } from './commands/ingest.js'
import { runNode, type NodeFlags } from './commands/node.js'
import { runStatus, type StatusFlags } from './commands/status.js'
import type { LogLevel } from '../node/observe/logger.js'
import type { CacheFlags, ClusterFlags } from './cluster.js'
import { EXIT } from './failure.js'
import { leastRatePerSecond } from '../engine/timing.js'
import { format, keyArgument, logLevel, names, positiveNumber, storeArgument, wholeNumber,
  writeConcern } from './flags.js'

/**
 * Runs the command the arguments name. @returns the exit status @throws what failureOf knows how to
 * tell
 */
export async function run (args: readonly string[]): Promise<number> {
  let status: number = EXIT.ok
  const program = createProgram(ended => {
    status = ended
  })
  if (args.length === 0) {
    process.stderr.write(program.helpInformation())
    return EXIT.unusable
  }
  assertCommand(program, args)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return EXIT.ok
    const message = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ')
    throw new ConfigError(
      `${message.replace(/\.$/, '')}; see millpond ${commandOf(program, args)}--help`
    )
  }
  return status
}

function createProgram (end: (status: number) => void): Command {
  const program = new Command('millpond')
    .description('A bounded, mergeable buffer between streaming pipelines.')
    .version(readVersion(), '--version', 'print the version')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError()

  program.command('demo').description(
    'three nodes in this process, a stream of events, a fast and a slow consumer, and a report'
  )
    .option('--events <n>', 'events to generate', wholeNumber('--events', 1, 100_000_000), 200_000)
    .option(
      '--items <n>',
      'different items to generate them for',
      wholeNumber('--items', 1, 10_000_000),
      5000
    )
    .option(
      '--seed <n>',
      'the same seed gives the same events',
      wholeNumber('--seed', 0, 0xffffffff),
      1
    )
    .option(
      '--slow-rate <n>',
      'changes per second the slow consumer takes',
      positiveNumber('--slow-rate', leastRatePerSecond()),
      2000
    )
    .option(
      '--input <file>',
      'take the rows of this file as the events instead; - is standard input'
    )
    .addOption(formatOption()).addOption(keyOption()).addOption(atOption()).addOption(
      fieldsOption()
    )
    .option('--json', 'print the report as one JSON object')
    .action(async (flags: DemoFlags) => end(await runDemo(flags)))

  withCache(program.command('node').description('run a node until SIGINT or SIGTERM'))
    .option(
      '--data <dir>',
      'directory for the data, made if missing; without it everything stays in memory'
    )
    .option(
      '--shards <n>',
      'shards of the cache, fixed for its life',
      wholeNumber('--shards', 1, limits.maxShards),
      64
    )
    .option(
      '--replicas <n>',
      'nodes that hold each record',
      wholeNumber('--replicas', 1, limits.maxReplicas),
      2
    )
    .option(
      '--groups <n>',
      'bundles of shards placed together, fixed like --shards (default: one per shard, at most 64)',
      wholeNumber('--groups', 1, limits.maxGroups)
    )
    .option(
      '--name <id>',
      'name of the node, unique and kept over restarts (default: a random one)'
    )
    .option('--zone <zone>', 'replicas are spread over distinct zones first')
    .option(
      '--expect-nodes <n>',
      'nodes that must be there before a node that finds nothing begins anew',
      wholeNumber('--expect-nodes', 1, limits.maxMembers),
      1
    )
    .addOption(metricsPortOption()).addOption(logLevelOption('info'))
    .action(async (flags: NodeFlags) => end(await runNode(flags)))

  withCache(
    program.command('ingest').description('write the rows of a CSV or NDJSON file, plain or gzip')
      .argument('<file>', 'the file; - is standard input')
  )
    .addOption(formatOption()).addOption(keyOption().makeOptionMandatory()).addOption(atOption())
    .addOption(fieldsOption())
    .option(
      '--ack <concern>',
      'who must hold a row before it counts as written: buffered, durable, majority, all or a ' +
        'number; durable:2 for the stores of two (default: most of the replicas that are there)',
      writeConcern
    )
    .option('--strict', 'stop at the first row that cannot be used, with exit status 1')
    .action(async (file: string, flags: IngestFlags) => end(await runIngest(file, flags)))

  withCache(
    program.command('consume').description('print changes as NDJSON, from where the group was')
  )
    .requiredOption('--group <group>', 'the consumer group whose position is kept')
    .option(
      '--rate <n>',
      'changes per second at most (default: no limit)',
      positiveNumber('--rate', leastRatePerSecond())
    )
    .option(
      '--until-idle <ms>',
      'end when nothing new came for so long (default: never)',
      wholeNumber('--until-idle', 1)
    )
    .addOption(metricsPortOption()).addOption(logLevelOption('warn'))
    .action(async (flags: ConsumeFlags) => end(await runConsume(flags)))

  withCache(
    program.command('get').description('print a record as JSON; exit status 1 when there is none')
      .argument('<key>', 'the key of the record', keyArgument)
  )
    .action(async (key: string, flags: CacheFlags) => end(await runGet(key, flags)))

  withCache(program.command('dump').description('print all records as NDJSON, sorted by key'))
    .option('--node <id>', 'the replica of this node, and only what it holds')
    .action(async (flags: DumpFlags) => end(await runDump(flags)))

  withCluster(
    program.command('forget')
      .description('a store will not come back: begin without it, and lose what it alone had')
      .argument('<store>', 'its id, or the name of its node', storeArgument)
  )
    .action(async (store: string, flags: ClusterFlags) => end(await runForget(store, flags)))

  withCluster(
    program.command('status').description('print nodes, placement, lag, records and sequences')
  )
    .option('--cache <name>', 'only this cache (default: all)')
    .option('--json', 'print all there is as one JSON object')
    .action(async (flags: StatusFlags) => end(await runStatus(flags)))
  return program
}

function withCluster (command: Command): Command {
  return command
    .option('--cluster <name>', 'name of the cluster', 'millpond')
    .option(
      '--nats <url>',
      'NATS server, or several with commas between them',
      'nats://127.0.0.1:4222'
    )
    .addOption(new Option('--nats-user <user>', 'login').env('MILLPOND_NATS_USER'))
    .addOption(
      new Option('--nats-pass <password>', 'better given in the environment').env(
        'MILLPOND_NATS_PASS'
      )
    )
    .addOption(
      new Option('--nats-token <token>', 'better given in the environment').env(
        'MILLPOND_NATS_TOKEN'
      )
    )
}

function withCache (command: Command): Command {
  return withCluster(command).option('--cache <name>', 'name of the cache', 'default')
}

const metricsPortOption = (): Option =>
  new Option(
    '--metrics-port <port>',
    'serve /metrics and /healthz on 127.0.0.1; 0 takes any free port'
  ).argParser(wholeNumber('--metrics-port', 0, 65_535))
const logLevelOption = (usual: LogLevel): Option =>
  new Option(
    '--log-level <level>',
    'silent, error, warn, info, debug or trace; the log goes to standard error'
  ).argParser(logLevel).default(usual)
const formatOption = (): Option =>
  new Option('--format <format>', 'csv or ndjson (default: from the name of the file)').argParser(
    format
  )
const keyOption = (): Option => new Option('--key <field>', 'the column that holds the key')
const atOption = (): Option =>
  new Option(
    '--at <field>',
    'the column that holds the event time; of two writes the later event wins'
  )
const fieldsOption = (): Option =>
  new Option('--fields <a,b,c>', 'the columns to take as fields (default: all but the key)')
    .argParser(names)

/** package.json lies one level above the source of this file, and two above what it is built to. */
function readVersion (): string {
  const file = ['../package.json', '../../package.json'].map(path => new URL(path, import.meta.url))
    .find(url => existsSync(url))
  if (file === undefined) throw new Error('package.json of millpond was not found')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** Of a command that is none commander prints its help, as if that had been asked for. */
function assertCommand (program: Command, [first, second]: readonly string[]): void {
  if (first !== 'help' || second === undefined) return
  const commands = program.commands.map(command => command.name())
  if (commands.includes(second)) return
  throw new ConfigError(
    `help ${describe(second)}: there is no such command; ${knownNames(second, commands)}; see ` +
      'millpond --help'
  )
}

/** The command the arguments begin with, for pointing at its help. */
function commandOf (program: Command, args: readonly string[]): string {
  const found = program.commands.find(command => command.name() === args[0])
  return found === undefined ? '' : `${found.name()} `
}
