/**
 * millpond/testing: the contract suites that every Store and every Transport must pass, for those
 * who write one. They run under any test runner.
 *
 *   import { test } from 'node:test'
 *   import { storeContract } from 'millpond/testing'
 *
 *   storeContract({ test, name: 'my store', createPlace: () => new MyPlace() })
 *
 * The suites show the behaviour of calls. Crashes, damaged or full disks, lost connections, senders
 * that must drop and names that are taken are left to the tests of each adapter: the headings of
 * store-contract.ts and transport-contract.ts list them.
 */
export type { DeclareTest } from './runner.js'
export { storeContract, type StoreContractOptions, type StorePlace } from './store-contract.js'
export { transportContract, type TransportContractOptions,
  type TransportHarness } from './transport-contract.js'
