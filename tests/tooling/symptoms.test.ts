/** The page that leads from symptoms to causes names only what there is (SPEC C13). */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'ava'
import { COUNTERS } from '../../node/observe/counters.js'
import { GAUGES } from '../../node/observe/gauges.js'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const page = read('docs/why-did-i-not-get-it.md')
const quoted = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text)

test('every metric the page names is one of ours', t => {
  const named = quoted.flatMap(text => /^millpond_\w+/.exec(text) ?? [])
  t.true(named.length > 5)
  const ours = new Set([...Object.keys(COUNTERS), ...Object.keys(GAUGES)])
  t.deepEqual(named.filter(name => !ours.has(name)), [])
})

test('every event the page names is one that is logged', t => {
  const events = new Set([...read('node/observe/logger.ts').matchAll(/case '([a-z-]+)':/g)]
    .map(([, name]) => name))
  const named = quoted.filter(text => /^[a-z]+(?:-[a-z]+)+$/.test(text))
  t.true(named.length > 5)
  t.deepEqual(named.filter(name => !events.has(name)), [])
})

test('every setting, option and field of a status the page names stands in the code', t => {
  const code = ['engine/timing.ts', 'pubsub/consumer/options.ts', 'pubsub/events.ts',
    'pubsub/requests/status-protocol.ts', 'node/cache/cache-writes.ts'].map(read).join()
  const named = quoted.filter(text => /^[a-z]+(?:[A-Z][a-z]+)+$/.test(text))
    .filter(name => !['openNode', 'onEvent'].includes(name))
  t.true(named.length > 10)
  t.deepEqual(named.filter(name => !new RegExp(`\\b${name}\\b`).test(code)), [])
})

test('every error code the page names has a line on the page of errors', t => {
  const errors = read('docs/errors.md')
  const named = quoted.filter(text => /^[A-Z]+(?:_[A-Z]+)*$/.test(text))
  t.true(named.length > 3)
  t.deepEqual(named.filter(code => !errors.includes(`| \`${code}\` |`)), [])
})
