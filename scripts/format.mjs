/**
 * How code and documents are laid out: dprint formats the code, no line of it is longer than 100
 * columns, and no line of a document's prose longer than 120.
 *
 *   npm run format                        formats every file in place
 *   node scripts/format.mjs --check       changes nothing, names what is not as it should be
 *
 * dprint cannot break a long string or a comment; such a line is named, and its author breaks it.
 * So is one of a document.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ensureInstalled, root } from './install.mjs'

ensureInstalled()
const { createFromBuffer } = await import('@dprint/formatter')
const { getPath } = await import('@dprint/typescript')

const LINE_WIDTH = 100
const PROSE_WIDTH = 120
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
for (const path of files(root, /\.(?:ts|mjs)$/)) {
  const name = relative(root, path)
  const text = readFileSync(path, 'utf8')
  const formatted = formatter.formatText({ filePath: path, fileText: text })
  if (check && formatted !== text) problems.push(`${name}: not formatted; run npm run format`)
  if (!check && formatted !== text) writeFileSync(path, formatted)
  for (const [at, line] of formatted.split('\n').entries()) {
    if (line.length > LINE_WIDTH) problems.push(`${name}:${at + 1}: ${line.length} columns`)
  }
}
for (const path of files(root, /\.md$/)) {
  for (const [number, line] of proseLines(readFileSync(path, 'utf8'))) {
    if (line.length > PROSE_WIDTH) {
      problems.push(`${relative(root, path)}:${number}: ${line.length} columns`)
    }
  }
}
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exitCode = 1
}

/** The files of this project whose names match. */
function files (directory, pattern) {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return FOREIGN.has(entry.name) ? [] : files(path, pattern)
    return entry.isFile() && pattern.test(entry.name) ? [path] : []
  })
}

/** The lines of a document that can be broken, with their numbers: no tables and no code. */
function proseLines (text) {
  let isCode = false
  return text.split('\n').map((line, i) => [i + 1, line]).filter(([, line]) => {
    const isFence = /^\s*```/.test(line)
    if (isFence) isCode = !isCode
    return !isFence && !isCode && !line.startsWith('|')
  })
}
