// A Store of one's own: each cache in one JSON file, replaced as a whole by every commit.
//
// Good for caches of a few megabytes that are written seldom: a commit costs as much as the cache.
// It passes the contract of millpond/testing (tests/examples/own-store.test.ts). Use it with
// openNode(config, { openStore: cache => new JsonFileStore(`./data/${cache}.json`) }).
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync,
  writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { StoreError, type Store, type StoreBatch, type StoredShard } from '../adapters.js'

/** Blobs in base64, which JSON can carry; cursors by consumer group. */
interface Shard {
  readonly snapshot: string | null
  readonly deltas: readonly string[]
  readonly cursors: ReadonlyArray<readonly [consumerGroup: string, cursor: string]>
}

interface Contents {
  readonly meta: ReadonlyMap<string, string>
  readonly shards: ReadonlyMap<number, Shard>
}

const NOTHING: Shard = { snapshot: null, deltas: [], cursors: [] }

export class JsonFileStore implements Store {
  readonly #path: string
  readonly #lock: string
  #contents: Contents
  #open = true

  constructor (path: string) {
    this.#path = resolve(path)
    this.#lock = `${this.#path}.lock`
    try {
      mkdirSync(dirname(this.#path), { recursive: true })
      // Two stores on one file would undo each other's commits. A killed process leaves the lock
      // behind, and an operator removes it.
      closeSync(openSync(this.#lock, 'wx'))
    } catch (cause) {
      throw new StoreError(`${this.#path} is open already, or cannot be locked`, cause, {
        changed: 'no'
      })
    }
    try {
      this.#contents = read(this.#path)
    } catch (cause) {
      rmSync(this.#lock)
      throw new StoreError(`${this.#path} cannot be read`, cause, {
        changed: 'no',
        retryable: false
      })
    }
  }

  getMeta (name: string): string | undefined {
    this.#assertOpen()
    return this.#contents.meta.get(name)
  }

  setMeta (name: string, value: string): void {
    this.#assertOpen()
    this.#replace({ ...this.#contents, meta: new Map(this.#contents.meta).set(name, value) })
  }

  *shards (): Iterable<StoredShard> {
    this.#assertOpen()
    for (const [shard, stored] of [...this.#contents.shards].sort(([a], [b]) => a - b)) {
      this.#assertOpen()
      yield {
        shard,
        snapshot: stored.snapshot === null ? null : bytesOf(stored.snapshot),
        deltas: stored.deltas.map(bytesOf),
        cursors: stored.cursors.map(([consumerGroup, cursor]) => ({
          consumerGroup,
          cursor: bytesOf(cursor)
        })),
        damaged: 0
      }
    }
  }

  // Nothing in here waits, so batches become durable in the order of the calls.
  async commit ({ drops, deltas, snapshots, cursors }: StoreBatch): Promise<void> {
    this.#assertOpen()
    const shards = new Map(this.#contents.shards)
    const change = (shard: number, to: (before: Shard) => Partial<Shard>): void => {
      const before = shards.get(shard) ?? NOTHING
      shards.set(shard, { ...before, ...to(before) })
    }
    for (const shard of drops) shards.delete(shard)
    for (const { shard, delta } of deltas) {
      change(shard, before => ({ deltas: [...before.deltas, textOf(delta)] }))
    }
    for (const { shard, snapshot } of snapshots) {
      change(shard, () => ({ snapshot: textOf(snapshot), deltas: [] }))
    }
    for (const { shard, consumerGroup, cursor } of cursors) {
      change(shard, before => ({
        cursors: [...new Map(before.cursors).set(consumerGroup, textOf(cursor))]
      }))
    }
    this.#replace({ ...this.#contents, shards })
  }

  async close (): Promise<void> {
    if (this.#open) rmSync(this.#lock)
    this.#open = false
  }

  /** Writes a new file and puts it in the place of the old one: all of it counts, or nothing. */
  #replace (contents: Contents): void {
    const text = JSON.stringify({ meta: [...contents.meta], shards: [...contents.shards] })
    try {
      writeFileSync(`${this.#path}.new`, `${checksumOf(text)}\n${text}`, { flush: true })
      renameSync(`${this.#path}.new`, this.#path)
    } catch (cause) {
      throw new StoreError(`${this.#path} cannot be written: nothing was stored`, cause)
    }
    this.#contents = contents
  }

  #assertOpen (): void {
    if (!this.#open) throw new StoreError(`the store of ${this.#path} is closed`)
  }
}

/** @throws Error when the file is damaged: a store hands out what was stored, or nothing */
function read (path: string): Contents {
  if (!existsSync(path)) return { meta: new Map(), shards: new Map() }
  const [checksum, text = ''] = readFileSync(path, 'utf8').split('\n')
  if (checksum !== checksumOf(text)) throw new Error('its checksum does not match')
  const { meta, shards } = JSON.parse(text) as {
    readonly meta: Array<[string, string]>,
    readonly shards: Array<[number, Shard]>
  }
  return { meta: new Map(meta), shards: new Map(shards) }
}

function checksumOf (text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function textOf (bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** A plain Uint8Array with memory of its own. */
function bytesOf (text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
