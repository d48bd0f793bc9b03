/** Rules for imports; scripts/check-imports.mjs applies them. */

/** Each may import itself and those before it. */
const LAYERS = ['engine', 'storage', 'replication', 'pubsub', 'node', 'connectors', 'cli']
/** The entries of the package: each names what it exports from the layers. */
const ENTRIES = ['index.ts', 'adapters.ts']
/** The contract suites, published as millpond/testing: they know the ports, not the product. */
const TESTING = 'testing'
/** They may import the product, never the other way round. */
const OUTSIDE = ['bench', 'examples', 'sim', 'tests']

export const PRODUCT = [...ENTRIES, TESTING, ...LAYERS]
export const SOURCES = [...PRODUCT, ...OUTSIDE]

/** The layers that must run under simulated time, network and disk. */
const CORE = '^(?:engine|storage|replication|pubsub)/'
/** The folders in them whose very purpose is the outside world. */
const ADAPTERS = ['^storage/stores/', '^replication/transport/nats/']
const OUTSIDE_WORLD = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'fs',
  'http',
  'http2',
  'https',
  'inspector',
  'module',
  'net',
  'os',
  'perf_hooks',
  'process',
  'readline',
  'sqlite',
  'timers',
  'tls',
  'tty',
  'vm',
  'worker_threads',
  'zlib'
]

const anyOf = names =>
  `^(?:${
    names.map(name => (name.endsWith('.ts') ? name.replace('.', '\\.') + '$' : `${name}/`)).join(
      '|'
    )
  })`

const directions = LAYERS.map((layer, position) => ({
  name: `direction-${layer}`,
  comment: `Imports go ${LAYERS.join(' <- ')}; a type-only import is an import.`,
  severity: 'error',
  from: { path: anyOf([layer]) },
  to: {
    path: anyOf([...ENTRIES, TESTING, ...LAYERS.slice(position + 1), ...OUTSIDE, 'scripts', 'dist'])
  }
}))

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...directions,
    {
      name: 'direction-index',
      comment: 'The library contains neither its command line nor the suites that test adapters.',
      severity: 'error',
      from: { path: anyOf(ENTRIES) },
      to: { path: anyOf(['cli', TESTING, ...OUTSIDE, 'scripts', 'dist']) }
    },
    {
      name: 'direction-testing',
      comment: 'A contract suite knows the port it tests and nothing that is built on the port.',
      severity: 'error',
      from: { path: anyOf([TESTING]) },
      to: {
        path: anyOf([...ENTRIES, 'pubsub', 'node', 'connectors', 'cli', ...OUTSIDE, 'scripts',
          'dist'])
      }
    },
    {
      name: 'core-without-io',
      comment:
        'Time, chance, disk and network come through ports, so that a simulation can take their ' +
        'place.',
      severity: 'error',
      from: { path: CORE, pathNot: ADAPTERS },
      to: { path: `^(?:node:)?(?:${OUTSIDE_WORLD.join('|')})(?:/|$)`, dependencyTypes: ['core'] }
    },
    {
      name: 'topology-is-asked',
      comment:
        'Which shard and which placement group a key has comes from a Topology, so that shards ' +
        'can be split.',
      severity: 'error',
      from: { pathNot: '^(?:tests/)?engine/topology/' },
      to: { path: '^engine/topology/routing\\.ts$' }
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'declared',
      comment: 'What is imported stands in package.json.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] }
    },
    {
      name: 'no-dev-dependency',
      comment: 'A consumer of the package does not have these.',
      severity: 'error',
      from: { path: anyOf(PRODUCT) },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['npm'],
        pathNot: '^node_modules/@types/'
      }
    }
  ],
  options: {
    // TypeScript 7 has no JavaScript API that dependency-cruiser could use; swc also sees type-only
    // imports as they stand in the source.
    parser: 'swc',
    doNotFollow: { path: '^node_modules/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types']
    }
  }
}
