/**
 * Serves `/metrics` to Prometheus, `/healthz` and `/readyz` to a supervisor of the process, on the
 * loopback interface only: none asks who is calling.
 *
 * `/healthz` is 200 while the process can do its work, and 503 with a line that says why while it
 * cannot: the connection to NATS is lost, or a consumer has no node to read from. Both end by
 * themselves, and a node without a connection keeps serving what it holds; so a failed check is a
 * reason to look, not to kill the process. `/readyz` is 503 as well while a node lacks something of
 * what it should hold: no other node is to be stopped before it is 200.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from '../../engine/errors.js'

export interface MetricsServerOptions {
  /** 0 takes any free one. */
  readonly port: number
  readonly contentType: string
  readonly metrics: () => Promise<string>
  /** A line on why the process cannot do its work now, or undefined while it can. */
  readonly problem: () => string | undefined
  /** What a node waits for before it has all that it should hold. Default: nothing. */
  readonly waitsFor?: () => string | undefined
}

export interface MetricsServer {
  readonly port: number
  close(): Promise<void>
}

/** @throws ConfigError when the port cannot be used */
export async function serveMetrics (
  { port, contentType, metrics, problem, waitsFor = () => undefined }: MetricsServerOptions
): Promise<MetricsServer> {
  const answer = async (path: string): Promise<[status: number, type: string, text: string]> => {
    if (path === '/metrics') return [200, contentType, await metrics()]
    if (path === '/healthz' || path === '/readyz') {
      const line = problem() ?? (path === '/readyz' ? waitsFor() : undefined)
      return line === undefined
        ? [200, 'text/plain', 'ok\n']
        : [503, 'text/plain', `${line}\n`]
    }
    return [404, 'text/plain', 'there are /metrics, /healthz and /readyz\n']
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
            `cannot serve metrics on port ${port}: ${error.message}; choose a port that is free`,
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
