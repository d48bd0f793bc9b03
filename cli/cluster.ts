/**
 * Shared by all commands that use a cluster: the flags that say where it is, and a client that is
 * closed in any case.
 */
import { ConfigError } from '../engine/errors.js'
import { connect, type MillpondClient } from '../node/connect.js'
import type { ClientConfig } from '../node/config.js'
import type { Wiring } from '../node/wiring.js'
import { starting } from './failure.js'

export interface ClusterFlags {
  readonly cluster: string
  /** One server, or several with commas between them. */
  readonly nats: string
  readonly natsUser?: string
  readonly natsPass?: string
  readonly natsToken?: string
}

export interface CacheFlags extends ClusterFlags {
  readonly cache: string
}

/** @throws ConfigError when no server is named */
export function natsConfig (
  { nats, natsUser, natsPass, natsToken }: ClusterFlags
): NonNullable<ClientConfig['nats']> {
  const servers = nats.split(',').map(server => server.trim()).filter(server => server !== '')
  if (servers.length === 0) {
    throw new ConfigError(
      `--nats ${JSON.stringify(nats)}: give a NATS server, such as nats://127.0.0.1:4222`
    )
  }
  return {
    servers,
    ...natsUser === undefined ? {} : { user: natsUser },
    ...natsPass === undefined ? {} : { pass: natsPass },
    ...natsToken === undefined ? {} : { token: natsToken }
  }
}

/** Commands await every write, and tell of those that fail in their own words. */
const onEvent = (): void => {}

/** Runs `use` with a client, and closes it. @throws as `starting`, and what `use` throws */
export async function withClient<T> (
  flags: ClusterFlags,
  use: (client: MillpondClient) => Promise<T>,
  wiring: Wiring = {}
): Promise<T> {
  const client = await starting(
    connect({ cluster: flags.cluster, nats: natsConfig(flags) }, { onEvent, ...wiring })
  )
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
