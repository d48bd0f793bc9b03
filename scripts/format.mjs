/**
 * How the code is laid out: dprint formats it, and no line is longer than 100 columns.
 *
 *   npm run format                        formats every file in place
 *   node scripts/format.mjs --check       changes nothing, names what is not as it should be
 *
 * dprint cannot break a long string or a comment; such a line is named, and its author breaks it.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ensureInstalled, root } from './install.mjs'

ensureInstalled()
const { createFromBuffer } = await import('@dprint/formatter')
const { getPath } = await import('@dprint/typescript')

const LINE_WIDTH = 100
const FOREIGN = new Set(['node_modules', 'dist', 'coverage', 'data', '.git'])

const formatter = createFromBuffer(readFileSync(getPath()))
formatter.setConfig(
  { lineWidth: LINE_WIDTH, indentWidth: 2, useTabs: false, newLineKind: 'lf' },
  {
    'semiColons': 'asi',
    'quoteStyle': 'preferSingle',
    'quoteProps': 'preserve',
    'trailingCommas': 'never',
    'arrayExpression.preferHanging': 'always',
    'typeLiteral.separatorKind.singleLine': 'comma',
    'typeLiteral.separatorKind.multiLine': 'comma',
    'arrowFunction.useParentheses': 'preferNone',
    'constructor.spaceBeforeParentheses': true,
    'method.spaceBeforeParentheses': true,
    'getAccessor.spaceBeforeParentheses': true,
    'setAccessor.spaceBeforeParentheses': true,
    'functionDeclaration.spaceBeforeParentheses': true,
    'functionExpression.spaceBeforeParentheses': true,
    'functionExpression.spaceAfterFunctionKeyword': true,
    'operatorPosition': 'maintain',
    'module.sortImportDeclarations': 'maintain',
    'module.sortExportDeclarations': 'maintain',
    'importDeclaration.preferHanging': true,
    'exportDeclaration.preferHanging': true,
    'importDeclaration.sortNamedImports': 'maintain',
    'exportDeclaration.sortNamedExports': 'maintain'
  }
)

const check = process.argv.includes('--check')
const problems = []
for (const path of sources(root)) {
  const name = relative(root, path)
  const text = readFileSync(path, 'utf8')
  const formatted = formatter.formatText({ filePath: path, fileText: text })
  if (check && formatted !== text) problems.push(`${name}: not formatted; run npm run format`)
  if (!check && formatted !== text) writeFileSync(path, formatted)
  for (const [at, line] of formatted.split('\n').entries()) {
    if (line.length > LINE_WIDTH) problems.push(`${name}:${at + 1}: ${line.length} columns`)
  }
}
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exitCode = 1
}

/** The files of this project in TypeScript and JavaScript. */
function sources (directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return FOREIGN.has(entry.name) ? [] : sources(path)
    return entry.isFile() && /\.(?:ts|mjs)$/.test(entry.name) ? [path] : []
  })
}
