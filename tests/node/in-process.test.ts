/** Nodes and clients on a network inside one process: the contracts. */
import test from 'ava'
import { createNetwork } from '../../index.js'
import { clusterContract, type ClusterHarness } from './cluster-contract.js'
import { fieldsContract } from './fields-contract.js'

const open = async (): Promise<ClusterHarness> => ({ config: {}, wiring: { network: createNetwork() }, close: async () => {} })

clusterContract(test, 'in-process', open)
fieldsContract(test, 'in-process', open)
