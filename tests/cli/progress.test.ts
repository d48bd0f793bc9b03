/**
 * The progress line: drawn on a terminal, absent everywhere else, gone at the end.
 */
import { PassThrough } from 'node:stream'
import test from 'ava'
import { startProgress } from '../../cli/progress.js'

function terminal (isTTY: boolean): PassThrough & { isTTY: boolean, columns: number } {
  return Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 120 })
}

test('a terminal shows how many are done out of how many', t => {
  const stream = terminal(true)
  const progress = startProgress({ label: 'importing', total: 4000, stream })
  progress.update(2000, '3 problems')
  progress.stop()
  const drawn = String(stream.read())
  t.regex(drawn, /importing \[-+\] 0\/4,000/)
  t.regex(drawn, /importing \[=+-+\] 2,000\/4,000 ETA .* 3 problems/)
})

test('without a total there is a count and no bar', t => {
  const stream = terminal(true)
  const progress = startProgress({ label: 'importing', stream })
  progress.update(1234)
  progress.stop()
  const drawn = String(stream.read())
  t.regex(drawn, /importing 1,234 in \d+s/)
  t.notRegex(drawn, /\[[-=]/)
})

test('the line is taken away at the end, and ending twice is harmless', t => {
  const stream = terminal(true)
  const progress = startProgress({ label: 'importing', stream })
  progress.stop()
  stream.read()
  progress.stop()
  progress.update(7)
  t.is(stream.read(), null)
})

test('where there is no terminal nothing is printed', t => {
  const stream = terminal(false)
  const progress = startProgress({ label: 'importing', total: 10, stream })
  progress.update(5, 'x')
  progress.stop()
  t.is(stream.read(), null)
})
