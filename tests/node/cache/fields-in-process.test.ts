/** The contract of fields on a network inside one process. */
import test from 'ava'
import { createNetwork } from '../../../index.js'
import { fieldsContract } from '../../contracts/fields-contract.js'

fieldsContract(
  test,
  'in-process',
  async () => ({ config: {}, wiring: { network: createNetwork() }, close: async () => {} })
)
