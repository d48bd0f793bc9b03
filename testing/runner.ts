/**
 * The little that a contract suite needs of a test runner, so that it runs under any of them.
 *
 * A suite declares its tests through this function and asserts with node:assert: a test that
 * fails rejects with an AssertionError, which every runner reports.
 */

/**
 * Declares one test: `test` of node:test and of Vitest, `it` of Mocha and of Jest as they are. AVA
 * wants an assertion of its own:
 *
 *   declare: (title, run) => test(title, async t => { await run(); t.pass() })
 *
 * The tests of a suite share nothing and may run at the same time.
 */
export type DeclareTest = (title: string, run: () => Promise<void>) => unknown
