/** Nodes and clients on a network inside one process: the contract. */
import test from 'ava'
import { createNetwork } from '../../index.js'
import { clusterContract } from '../contracts/cluster-contract.js'

clusterContract(
  test,
  'in-process',
  async () => ({ config: {}, wiring: { network: createNetwork() }, close: async () => {} })
)
