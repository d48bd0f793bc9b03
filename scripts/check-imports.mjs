/**
 * Who may import whom: the rules of .dependency-cruiser.mjs, and one that spans files: each
 * third-party package has exactly one file that imports it, so it can be exchanged there.
 *
 * `node scripts/check-imports.mjs [directory]` checks another checkout; the tests plant mistakes
 * that way.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isBuiltin } from 'node:module'
import { cruise, format } from 'dependency-cruiser'
import config, { PRODUCT, SOURCES } from '../.dependency-cruiser.mjs'
import { root } from './install.mjs'

const directory = resolve(process.argv[2] ?? root)
process.chdir(directory)
const { dependencies = {} } = JSON.parse(readFileSync('package.json', 'utf8'))
const sources = SOURCES.filter(path => existsSync(path))

const { output: result } = await cruise(sources, {
  ...config.options,
  baseDir: directory,
  ruleSet: { forbidden: config.forbidden },
  validate: true
})

const problems = []
if (result.summary.error + result.summary.warn > 0) {
  problems.push((await format(result, { outputType: 'err' })).output.trim())
}

// A parser that does not understand TypeScript finds no imports, and then all rules hold. So ask
// what it has seen.
const seen = new Set(
  result.modules.filter(module => module.dependencies.length > 0).map(module => module.source)
)
for (const path of sources.flatMap(typescriptFiles)) {
  if (
    /^(?:import|export)\b[^'"`;]*\bfrom ['"]|^import ['"]/m.test(readFileSync(path, 'utf8')) &&
    !seen.has(path)
  ) {
    problems.push(`${path}: has imports, but dependency-cruiser found none in it`)
  }
}

const importers = new Map(Object.keys(dependencies).map(name => [name, new Set()]))
for (const module of result.modules) {
  if (!PRODUCT.some(path => module.source === path || module.source.startsWith(`${path}/`))) {
    continue
  }
  for (const { module: specifier } of module.dependencies) {
    if (/^[./]/.test(specifier) || isBuiltin(specifier)) continue
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
    importers.get(name)?.add(module.source)
  }
}
for (const [name, files] of importers) {
  if (files.size === 0) problems.push(`${name}: a dependency that no product file imports`)
  if (files.size > 1) {
    problems.push(`${name}: imported by ${[...files].join(', ')}; only one product file may`)
  }
}

if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
const { totalCruised, totalDependenciesCruised } = result.summary
console.log(`${totalCruised} modules, ${totalDependenciesCruised} imports: no violations`)

function typescriptFiles (path) {
  if (path.endsWith('.ts')) return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name))
}
