/**
 * The contract of fields over a real nats-server; a file of its own, because all tests of one file
 * run at the same time.
 */
import test from 'ava'
import { startNatsServer } from '../../support/nats-server.js'
import { fieldsContract } from '../../contracts/fields-contract.js'

fieldsContract(test, 'nats', async () => {
  const server = await startNatsServer()
  return { config: { nats: { servers: server.url } }, wiring: {}, close: () => server.stop() }
})
