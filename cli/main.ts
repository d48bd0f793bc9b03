#!/usr/bin/env node
/**
 * The `millpond` command. What it was asked to do lies in program.ts and commands/; here is only
 * how it ends.
 *
 * It ends explicitly: a connection to a server that stopped answering can hold a socket open long
 * after everything was said and done.
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
  stream.on('error', () => {}) // whoever read it has left; there is nobody to tell
  await new Promise<void>(resolve => {
    stream.write('', () => resolve())
  })
}))
process.exit(status)
