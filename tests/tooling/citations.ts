/**
 * Finds citations that lead nowhere. A citation is a promise to the reader that there is more to
 * read; when files move and numbers change, nothing but these functions would notice.
 *
 * Each takes a tree of files and returns one line per mistake, so that a test can plant one.
 */
import { posix } from 'node:path'
import { isDocument, isSource, proseOf, type Tree } from './tree.js'

/** Assumptions are made and bounds are kept everywhere: their rows have no `where`. */
const PLACELESS = /^[AB]/

/** The list of changes keeps the names of its time. */
const isHistory = (path: string): boolean => path === 'CHANGELOG.md'

function matches (
  tree: Tree,
  pattern: RegExp,
  isRead: (path: string) => boolean = () => true
): Array<{ readonly at: string, readonly path: string, readonly found: string }> {
  return [...tree].filter(([path]) => isRead(path)).flatMap(([path, text]) =>
    proseOf(path, text).flatMap(([line, prose]) =>
      [...prose.matchAll(pattern)].map(([whole, found]) => ({
        at: `${path}:${line}`,
        path,
        found: found ?? whole
      }))
    )
  )
}

/** Decisions of the design and of docs/adr, and claims of the specification, must each be there. */
export function danglingNumbers (tree: Tree): string[] {
  const decisions = headings(tree, 'docs/design.md', /^## (D\d+)\b/gm)
  const claims = headings(tree, 'SPEC.md', /^\| ([A-Z]\d+) \|/gm)
  const records = new Set(
    [...tree.keys()].flatMap(path => /^docs\/adr\/(\d+)-/.exec(path)?.[1] ?? [])
  )
  const isRecord = (number: string): boolean => records.has(number.padStart(4, '0'))
  return [
    ...matches(tree, /\b(D\d+)\b/g).filter(({ found }) => !decisions.has(found)),
    ...matches(tree, /\bADR (\d+)\b/g).filter(({ found }) => !isRecord(found)),
    ...matches(tree, /\bdocs\/adr\/(\d+)\b/g).filter(({ found }) => !isRecord(found)),
    ...matches(tree, /\bSPEC ((?:[A-Z]\d+(?:, )?)+)/g).flatMap(({ found, ...rest }) =>
      found.split(', ').filter(id => id !== '').map(id => ({ ...rest, found: id }))
    ).filter(({ found }) => !claims.has(found))
  ].map(({ at, found }) => `${at} cites ${found}, which is not there`)
}

function headings (tree: Tree, path: string, pattern: RegExp): ReadonlySet<string> {
  return new Set([...(tree.get(path) ?? '').matchAll(pattern)].flatMap(([, id]) => id ?? []))
}

/**
 * Every file that prose names must be one file of the tree. A path may be cut off in front as long
 * as one file ends in it; a name alone may also be that of a neighbour.
 */
export function danglingFiles (tree: Tree): string[] {
  return matches(
    tree,
    /(?<![\w./<>*-])((?:\.{1,2}\/)*[\w.-][\w./-]*\.(?:ts|mjs|md))\b/g,
    path => !isHistory(path)
  ).flatMap(({ at, path, found }) => {
    const places = placesOf(tree, path, found)
    return places.length === 1
      ? []
      : [`${at} names ${found}, which is ${places.length === 0 ? 'nowhere' : places.join(', ')}`]
  })
}

function placesOf (tree: Tree, from: string, named: string): string[] {
  const nearby = posix.join(posix.dirname(from), named)
  if (tree.has(nearby)) return [nearby]
  if (tree.has(named)) return [named]
  return [...tree.keys()].filter(path => path.endsWith(`/${named}`))
}

/** The `where` column of the specification: whole paths, of files or (with a / behind) folders. */
export function danglingPlaces (tree: Tree): string[] {
  const rows = (tree.get('SPEC.md') ?? '').matchAll(/^\| ([A-Z]\d+) \| .*?(?: \| ([^|]*))? \|$/gm)
  return [...rows].flatMap(([, id = '', where = '']) =>
    PLACELESS.test(id) ? [] : where.split(', ').filter(place =>
      place.endsWith('/')
        ? ![...tree.keys()].some(path => path.startsWith(place))
        : !place.includes('/') || !tree.has(place)
    ).map(place => `SPEC ${id} is enforced in ${place}, which is not a path from the root`)
  )
}

/** `limits.maxKeyBytes` in prose must be a bound there is. */
export function danglingBounds (tree: Tree, bounds: ReadonlySet<string>): string[] {
  return matches(tree, /(?<!\/)\blimits\.(\w+)/g).filter(({ found }) =>
    found !== 'ts' && !bounds.has(found)
  )
    .map(({ at, found }) => `${at} names limits.${found}, which is no bound`)
}

/** A name in the code font of a document must be a word of some source, with its # if any. */
export function danglingNames (tree: Tree): string[] {
  const words = new Set(
    [...tree].filter(([path]) => isSource(path) || path.endsWith('.json'))
      .flatMap(([, text]) => text.match(/#?\w+/g) ?? [])
      .flatMap(word => word.startsWith('#') ? [word, word.slice(1)] : word)
  )
  return matches(
    tree,
    /(?<!`)`(?:[a-z]\w*\.)?(#?[A-Za-z_]\w*)(?:\([^`]*\))?`(?!`)/g,
    path => isDocument(path) && !isHistory(path)
  ).filter(({ found }) => !words.has(found))
    .map(({ at, found }) => `${at} names ${found}, which no source knows`)
}

/** A name that a document says is in a file, as `name` in `path` or `name` (`path`), is there. */
export function misplacedNames (tree: Tree): string[] {
  return matches(
    tree,
    /(`#?\w+(?:\([^`]*\))?`(?: in | \()`[\w/.-]+\.ts`)/g,
    path => isDocument(path) && !isHistory(path)
  ).flatMap(({ at, path, found }) => {
    const [, name = '', file = ''] = /^`(#?\w+).*`([^`]+)`$/.exec(found) ?? []
    const texts = placesOf(tree, path, file).map(place => tree.get(place) ?? '')
    const isThere = texts.some(text => new RegExp(`(?<!\\w)${name}(?!\\w)`).test(text))
    return isThere ? [] : [`${at} says that ${name} is in ${file}, and it is not`]
  })
}

/** The codes in a document's table, and those that the product gives to errors. */
export function errorCodes (
  tree: Tree
): { readonly documented: ReadonlySet<string>, readonly thrown: ReadonlySet<string> } {
  const product = [...tree].filter(([path]) =>
    isSource(path) && /^(?:engine|storage|replication|pubsub|node|connectors|cli)\//.test(path)
  )
  const given = /(?:(?:super|new \w*Error)\(\s*|\bcode: )'([A-Z][A-Z_]+)'/g
  return {
    documented: headings(tree, 'docs/errors.md', /^\| `([A-Z_]+)` \|/gm),
    thrown: new Set(
      product.flatMap(([, text]) => [...text.matchAll(given)].flatMap(([, code]) => code ?? []))
    )
  }
}
