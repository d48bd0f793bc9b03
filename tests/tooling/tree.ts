/**
 * The files of this checkout as text, and the prose among them: documents are prose as a whole, of
 * a source only its comments are.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
/** Made by tools, or not ours. */
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git'])
const SOURCE = /\.(?:ts|mjs)$/
const READ = /\.(?:ts|mjs|md|json)$/

/** Path from the root of the checkout, with slashes, to the text of the file. */
export type Tree = ReadonlyMap<string, string>

export function readTree (root = ROOT): Tree {
  const tree = new Map<string, string>()
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) visit(path)
      if (entry.isFile() && READ.test(entry.name)) {
        tree.set(path, readFileSync(join(root, path), 'utf8'))
      }
    }
  }
  visit('')
  return tree
}

export const isSource = (path: string): boolean => SOURCE.test(path)
export const isDocument = (path: string): boolean => path.endsWith('.md')

/** The lines a person reads as prose: [line number, text]. */
export function proseOf (path: string, text: string): Array<readonly [number, string]> {
  const lines = text.split('\n').map((line, i) => [i + 1, line] as const)
  if (isDocument(path)) return lines
  if (!isSource(path)) return []
  return lines.flatMap(([number, line]) => {
    const comment = /^\s*(?:\/\*\*?|\*|\/\/)(.*)$/.exec(line) ?? /\s\/\/ (.*)$/.exec(line)
    return comment?.[1] === undefined ? [] : [[number, comment[1]] as const]
  })
}
