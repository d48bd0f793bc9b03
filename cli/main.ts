#!/usr/bin/env node
/**
 * The `millpond` command. Its work is in program.ts and commands/; this file says how the process
 * ends.
 *
 * The process ends explicitly: a connection to a server that stopped answering can hold a socket
 * open long after everything was said and done.
 */
import { EXIT, failureOf } from './failure.js'
import { run } from './program.js'

let status: number
try {
  status = await run(process.argv.slice(2))
} catch (error) {
  const failure = failureOf(error)
  status = failure.status
  process.stderr.write(
    status === EXIT.internal ? `${failure.line}\n` : `millpond: ${failure.line}\n`
  )
}
await Promise.all([process.stdout, process.stderr].map(async stream => {
  stream.on('error', () => {}) // the reader has left; there is nobody to tell
  await new Promise<void>(resolve => {
    stream.write('', () => resolve())
  })
}))
process.exit(status)
