/** The contract suites of millpond/testing assert with node:assert; AVA counts its own. */
import type { TestFn } from 'ava'
import type { DeclareTest } from '../../testing/runner.js'

export function underAva (test: TestFn): DeclareTest {
  return (title, run) =>
    test(title, async t => {
      await run()
      t.pass()
    })
}
