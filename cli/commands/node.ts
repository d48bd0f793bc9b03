/**
 * `millpond node`: runs a node until SIGINT or SIGTERM. The node then says goodbye and makes
 * everything durable, and the command ends with status 0.
 *
 * Standard output gets one line when the node has all that it should hold, for a script that waits
 * for that before it stops the next one; everything else is logged.
 */
import type { NodeConfig } from '../../node/config.js'
import { TimeoutError } from '../../engine/errors.js'
import { intervals } from '../../engine/timing.js'
import type { MillpondNode } from '../../node/local-node.js'
import type { Logger } from '../../node/observe/logger.js'
import { openNode } from '../../node/open-node.js'
import { natsConfig, type CacheFlags } from '../cluster.js'
import { CommandError, EXIT, starting } from '../failure.js'
import { observe, type ObservationFlags } from '../observation.js'
import { aborted, onInterrupt } from '../signals.js'

export interface NodeFlags extends CacheFlags, ObservationFlags {
  readonly data?: string
  readonly shards: number
  readonly replicas: number
  readonly groups?: number
  readonly name?: string
  readonly zone?: string
  readonly expectNodes: number
}

export async function runNode (flags: NodeFlags): Promise<number> {
  const interrupt = onInterrupt()
  try {
    await serve(flags, interrupt.signal)
  } finally {
    interrupt.end()
  }
  return EXIT.ok
}

async function serve (flags: NodeFlags, signal: AbortSignal): Promise<void> {
  const { cluster, cache } = flags
  const { logger, onEvent, serve: serveMetrics } = observe(
    flags,
    { cluster, ...flags.name === undefined ? {} : { self: flags.name } },
    () => signal.aborted
  )
  const node = await starting(openNode(nodeConfig(flags), { onEvent }))
  try {
    const server = await serveMetrics(() => node.status(), () => [], () => node.waitsFor)
    await untilReady(node, logger, signal)
    if (signal.aborted) return
    logger.info({
      node: node.name,
      cache,
      shards: flags.shards,
      replicas: flags.replicas,
      data: flags.data ?? null,
      metricsPort: server?.port ?? null
    }, 'ready')
    process.stdout.on('error', () => {}) // the reader of that line may be gone
    process.stdout.write(
      `ready node=${node.name} cluster=${cluster} cache=${cache}${
        server === undefined ? '' : ` metrics=http://127.0.0.1:${server.port}/metrics`
      }\n`
    )
    const why = await Promise.race([aborted(signal).then(() => undefined), node.ended])
    if (why !== undefined) throw new CommandError(EXIT.replaced, why.message, why)
    await server?.close()
  } finally {
    logger.info({}, 'stopping')
    await node.close()
  }
  logger.info({}, 'stopped')
}

/** Says now and then what the node waits for: it may be for a node that has to be started again. */
async function untilReady (
  node: MillpondNode,
  logger: Logger,
  signal: AbortSignal
): Promise<void> {
  for (;;) {
    try {
      await node.whenReady({ timeoutMs: intervals.readyReportMs, signal })
      return
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof TimeoutError)) throw error
      logger.info({ reason: node.waitsFor }, 'not ready yet')
    }
  }
}

function nodeConfig (flags: NodeFlags): NodeConfig {
  const { cluster, cache, shards, replicas, groups, name, zone, data, expectNodes } = flags
  return {
    cluster,
    expectNodes,
    nats: natsConfig(flags),
    caches: { [cache]: { shards, replicas, ...groups === undefined ? {} : { groups } } },
    ...name === undefined ? {} : { name },
    ...zone === undefined ? {} : { zone },
    ...data === undefined ? {} : { dataDir: data }
  }
}
