/**
 * Serves `/metrics` to Prometheus and `/healthz` to a supervisor of the process, on the loopback
 * interface only: neither asks who is calling. `/healthz` is 200 while the node is connected to
 * NATS and 503 while it is not; a node without a connection keeps serving what it holds, so a
 * failed check is a reason to look, not to kill it.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from '../../engine/errors.js'

export interface MetricsServerOptions {
  /** 0 takes any free one. */
  readonly port: number
  readonly contentType: string
  readonly metrics: () => Promise<string>
  readonly isConnected: () => boolean
}

export interface MetricsServer {
  readonly port: number
  close(): Promise<void>
}

/** @throws ConfigError when the port cannot be used */
export async function serveMetrics (
  { port, contentType, metrics, isConnected }: MetricsServerOptions
): Promise<MetricsServer> {
  const answer = async (path: string): Promise<[status: number, type: string, text: string]> => {
    if (path === '/metrics') return [200, contentType, await metrics()]
    if (path === '/healthz') {
      return isConnected()
        ? [200, 'text/plain', 'ok\n']
        : [503, 'text/plain', 'not connected to NATS\n']
    }
    return [404, 'text/plain', 'there are /metrics and /healthz\n']
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/\?.*$/, '')
    answer(path)
      .catch((
        error: unknown
      ): [number, string, string] => [500, 'text/plain', `${String(error)}\n`])
      .then(([status, type, text]) => {
        response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
      })
      .catch(() => {
        response.destroy()
      })
  })
  await new Promise<void>((resolve, reject) => {
    server.once(
      'error',
      (error: Error) =>
        reject(
          new ConfigError(
            `--metrics-port ${port}: ${error.message}; choose a port that is free`,
            error
          )
        )
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close () {
      server.closeAllConnections()
      await new Promise<void>(resolve => {
        server.close(() => resolve())
      })
    }
  }
}
