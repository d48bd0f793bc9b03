/**
 * millpond/testing: the contract suites that every Store and every Transport must pass, for those
 * who write one. They run under any test runner.
 *
 *   import { test } from 'node:test'
 *   import { storeContract } from 'millpond/testing'
 *
 *   storeContract({ test, name: 'my store', createPlace: () => new MyPlace() })
 */
export type { DeclareTest } from './runner.js'
export { storeContract, type StoreContractOptions, type StorePlace } from './store-contract.js'
export { transportContract, type TransportContractOptions,
  type TransportHarness } from './transport-contract.js'
