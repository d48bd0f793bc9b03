// Every command of the command line is run by a test of what it does and by one of what it refuses.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'

const read = (...path: string[]): string => readFileSync(join(import.meta.dirname, ...path), 'utf8')
const REFUSALS = 'refusals.test.ts'
const commands = [...read('../../cli/program.ts').matchAll(/\.command\('([a-z-]+)'\)/g)]
  .map(([, name = '']) => name)

/** Those that stand first in no list of arguments. */
function notRun (names: readonly string[], source: string): string[] {
  return names.filter(name => !new RegExp(`\\[\\s*'${name}'`).test(source))
}

test('a command that no test runs is found', t => {
  t.deepEqual(notRun(['get', 'grow'], `run(['get', 'grow'])`), ['grow'])
  t.true(commands.length >= 7 && commands.includes('node'))
})

test('every command is run by a test of what it does', t => {
  const files = readdirSync(import.meta.dirname)
    .filter(name => name.endsWith('.test.ts') && name !== REFUSALS)
  t.deepEqual(notRun(commands, files.map(name => read(name)).join()), [])
})

test('every command is run by a test of what it refuses', t => {
  t.deepEqual(notRun(commands, read(REFUSALS)), [])
})
