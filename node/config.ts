/**
 * The configuration of a node and of a client: settings, defaults, sensible ranges and checks. A
 * value that cannot work is refused when the node or client is opened, by name and with the fix,
 * never later. Intervals are in engine/timing.ts.
 */
import { ConfigError, MillpondError } from '../engine/errors.js'
import type { Limits } from '../engine/limits.js'
import { shortened } from '../engine/base/plain.js'
import * as v from '../engine/base/schema.js'
import { clientTimingOf, intervals, paceFloor, timingOf, TimingConfig, type Pace,
  type Timing } from '../engine/timing.js'
import { checkName, checkText } from '../engine/base/values.js'
import { checkToken } from '../replication/messages/subjects.js'
import { parseSettings } from './settings.js'

const wholeNumber = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max))

const cacheConfig = (limits: Limits) =>
  v.strictObject({
    /**
     * Shards that the records are spread over, 1 to limits.maxShards (65,536); fixed for the life
     * of the cache. A shard is stored, sent and compared as one piece, so more shards make smaller
     * pieces; each costs some kilobytes of memory and a cursor per consumer. Aim for 1,000 to
     * 10,000 records in each. Default 64.
     */
    shards: v.optional(wholeNumber(1, limits.maxShards), 64),
    /**
     * Copies of each record, on as many nodes, as far as there are so many: 1 to
     * limits.maxReplicas (16). More survive more lost nodes and spread reads; each costs memory,
     * disk and a message per batch. Default 2.
     */
    replicas: v.optional(wholeNumber(1, limits.maxReplicas), 2),
    /**
     * Placement groups: bundles of shards that are placed and replicated together, 1 to
     * limits.maxGroups (1,024) and at most as many as shards; fixed like `shards`. More spread the
     * data evenly over more nodes; each costs 40 bytes in every heartbeat. Default: one per shard,
     * at most 64.
     */
    groups: v.optional(wholeNumber(1, limits.maxGroups)),
    /**
     * Fields that `query` can look records up by: 'equality' answers eq and in, 'range' every
     * operator with numbers and strings. At most limits.maxIndexes (16); each costs about 100 bytes
     * per record that has the field. Declare the same on every node of the cache, because any
     * holder of a record may be asked. Default: none.
     */
    indexes: v.optional(v.record(v.string(), v.picklist(['equality', 'range'])))
  })

const Nats = v.strictObject({
  /**
   * `nats://host:port` of one server, or of several of one NATS cluster: one that is down is passed
   * over. The login is given apart from it.
   */
  servers: v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1))]),
  /** The login: user and pass, or a token. Default: none. */
  user: v.optional(v.string()),
  pass: v.optional(v.string()),
  token: v.optional(v.string()),
  /**
   * Insists on TLS, also as {}. Paths of files in PEM: the authorities to trust (default: those of
   * Node), and a certificate with its key (default: none). Default: TLS where the server demands
   * it.
   */
  tls: v.optional(
    v.strictObject({
      caFile: v.optional(v.string()),
      certFile: v.optional(v.string()),
      keyFile: v.optional(v.string())
    })
  )
})

const nodeConfig = (limits: Limits) =>
  v.strictObject({
    /**
     * The cluster to join: 1 to 64 letters, digits, '-' and '_', as every name here. Clusters on
     * one NATS server are told apart by it.
     */
    cluster: v.string(),
    /**
     * The node's name, unique in the cluster. Keep it over restarts: placement goes by names, so a
     * new one moves data. Default: a random one.
     */
    name: v.optional(v.string()),
    /** The caches that the node runs, by name: 1 to limits.maxCaches (16). */
    caches: v.pipe(
      v.record(v.string(), cacheConfig(limits)),
      v.check(
        caches => Object.keys(caches).length >= 1 && Object.keys(caches).length <= limits.maxCaches,
        `name 1 to ${limits.maxCaches} caches`
      )
    ),
    /**
     * The servers that connect the cluster. Default: the `network` of the second argument, else the
     * node is alone.
     */
    nats: v.optional(Nats),
    /**
     * Directory for the caches' SQLite files, made if it is missing. Without one, the data stays
     * in memory and ends with the process.
     */
    dataDir: v.optional(
      v.pipe(
        v.string(),
        v.check(
          path => path !== '' && !path.includes('\0'),
          'name a directory, or leave it out to keep the data in memory'
        )
      )
    ),
    /**
     * 'async': 'durable' writes survive a killed process; 'sync': also a power cut, at the price of
     * an fsync per commit. Default 'async'.
     */
    durability: v.optional(v.picklist(['async', 'sync']), 'async'),
    /**
     * Where the node runs, a text of at most limits.maxZoneBytes (256): replicas are spread over
     * distinct zones first, at the price of less even shares where zones differ in size. Default:
     * none.
     */
    zone: v.optional(v.string()),
    /**
     * This node's share of the data, relative to the others', 0.001 to 1,000. A change moves data.
     * Default 1.
     */
    weight: v.optional(v.pipe(v.number(), v.minValue(0.001), v.maxValue(1000)), 1),
    /**
     * Nodes that must be in view, this one included, before a node that finds nothing takes it that
     * there is nothing yet: 1 to limits.maxMembers (512). With the number of nodes of a cluster,
     * one that is new does not begin anew while all the others are down. Default 1.
     */
    expectNodes: v.optional(wholeNumber(1, limits.maxMembers), 1),
    /** Intervals, all with a default (engine/timing.ts). */
    timing: v.optional(TimingConfig, {})
  })

const ClientConfig = v.strictObject({
  /** The cluster to use, by the name its nodes are given. */
  cluster: v.string(),
  /**
   * The servers that connect the cluster. Default: the `network` of the second argument; a client
   * needs one of the two.
   */
  nats: v.optional(Nats),
  /** The name of this connection at the NATS server. Default: a random one. */
  name: v.optional(v.string()),
  /**
   * How long to look for the cluster's nodes, 10 to 3,600,000 ms. Longer waits for a cluster that
   * is being started, shorter fails sooner where there is none. Default 3000.
   */
  connectTimeoutMs: v.optional(
    v.pipe(v.number(), v.minValue(10), v.maxValue(3_600_000)),
    intervals.connectTimeoutMs
  ),
  /**
   * Intervals (engine/timing.ts). Of them a client uses flushIntervalMs, requestTimeoutMs,
   * heartbeatMs and failureTimeoutMs; the others are of nodes.
   */
  timing: v.optional(TimingConfig, {})
})

export type NodeConfig = v.InferInput<ReturnType<typeof nodeConfig>>
export type ClientConfig = v.InferInput<typeof ClientConfig>
export type CheckedNodeConfig = v.InferOutput<ReturnType<typeof nodeConfig>> & {
  readonly timing: Timing
}
export type CheckedClientConfig = v.InferOutput<typeof ClientConfig> & {
  readonly timing: Timing,
  /** The part of the pace that the client set itself, and insists on. */
  readonly paceFloor: Pace
}

/** @throws ConfigError naming the setting, its value and what is allowed */
export function checkNodeConfig (config: unknown, limits: Limits): CheckedNodeConfig {
  refuseUnusable(config)
  const checked = parseSettings(nodeConfig(limits), config)
  checkToken('cluster name', checked.cluster)
  if (checked.name !== undefined) checkToken('node name', checked.name)
  const { zone } = checked
  if (zone !== undefined) asSetting('zone', () => checkText(zone, 'zone', limits.maxZoneBytes))
  for (const [name, { shards, groups, indexes = {} }] of Object.entries(checked.caches)) {
    checkToken('cache name', name)
    checkIndexes(name, Object.keys(indexes), limits)
    if (groups !== undefined && groups > shards) {
      throw new ConfigError(
        `cache ${name}: groups ${groups} is more than shards ${shards}; use at most as many`
      )
    }
  }
  return { ...checked, timing: timingOf(checked.timing) }
}

function checkIndexes (cache: string, fields: readonly string[], limits: Limits): void {
  if (fields.length > limits.maxIndexes) {
    throw new ConfigError(
      `caches.${cache}.indexes: ${fields.length} fields, at most ${limits.maxIndexes} are allowed`
    )
  }
  for (const field of fields) {
    asSetting(`caches.${cache}.indexes`, () => checkName(field, limits))
  }
}

/** @throws ConfigError naming the setting where a check on data fails */
function asSetting (setting: string, check: () => void): void {
  try {
    check()
  } catch (error) {
    throw error instanceof MillpondError
      ? new ConfigError(`${setting}: ${error.message}`, error)
      : error
  }
}

/** Every object has these of its own, and what reads messages passes over them. */
const UNUSABLE = ['__proto__', 'constructor', 'prototype']

/** @throws ConfigError naming the cache or index that would be passed over without a word */
function refuseUnusable (config: unknown): void {
  const caches = partOf(config, 'caches')
  if (Array.isArray(caches)) {
    throw new ConfigError('caches must be an object of caches by their names, got an array')
  }
  for (const name of UNUSABLE) {
    if (partOf(caches, name) !== undefined) {
      throw new ConfigError(`caches: a cache cannot be named ${name}; choose another name`)
    }
  }
  for (const cache of Object.keys(Object(caches) as object)) {
    const indexes = partOf(partOf(caches, cache), 'indexes')
    for (const name of UNUSABLE) {
      if (partOf(indexes, name) === undefined) continue
      throw new ConfigError(
        `caches.${shortened(cache)}.indexes: a field named ${name} cannot be indexed; leave it out`
      )
    }
  }
}

function partOf (value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as { readonly [name: string]: unknown })[name]
    : undefined
}

/** @throws ConfigError naming the setting, its value and what is allowed */
export function checkClientConfig (config: unknown): CheckedClientConfig {
  const checked = parseSettings(ClientConfig, config)
  checkToken('cluster name', checked.cluster)
  if (checked.name !== undefined) checkToken('client name', checked.name)
  return {
    ...checked,
    timing: clientTimingOf(checked.timing),
    paceFloor: paceFloor(checked.timing)
  }
}
