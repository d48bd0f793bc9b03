/**
 * The rows the acceptance test feeds in: the real file where it is there, made-up rows of the same
 * shape where not. The outcome they must have is computed by code that shares nothing with the
 * product.
 */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { seededRandom } from '../support/ports.js'

/** The file lies beside the checkout, not in it. */
const REAL_FILE = resolve(
  import.meta.dirname,
  '../../../shared/data/online-retail-2010-12_2011-06.csv.gz'
)
const GENERATED_ROWS = 100_000

export interface EventsFile {
  readonly header: string
  /** One row each: no field of the file spans lines. */
  readonly rows: string[]
  readonly isReal: boolean
}

export function readEventsFile (): EventsFile {
  if (!existsSync(REAL_FILE)) return generate()
  const [header = '', ...rows] = gunzipSync(readFileSync(REAL_FILE)).toString('utf8').split(/\r?\n/)
  return { header, rows: rows.filter(row => row !== ''), isReal: true }
}

/**
 * Fewer keys than rows, several rows at the same minute, numbers, quotes, commas and empty fields.
 */
function generate (): EventsFile {
  const random = seededRandom(1)
  const below = (end: number): number => random.uint32() % end
  const rows = Array.from({ length: GENERATED_ROWS }, (_, i) => {
    const at = new Date(Date.UTC(2010, 11, 1, 8) + Math.floor(i / 20) * 60_000).toISOString().slice(
      0,
      19
    ).replace('T', ' ')
    const description = below(10) === 0
      ? '"SET OF 3 ""RETRO"" TINS, RED"'
      : `WHITE LANTERN ${below(9)}`
    return `${536365 + Math.floor(i / 20)},${
      10_000 + Math.floor(Math.sqrt(below(9_000_000)))
    },${description},${below(50) - 5},${at},${(below(2000) / 100).toFixed(2)},${
      below(4) === 0 ? '' : `${12_000 + below(5000)}.0`
    },United Kingdom`
  })
  return {
    header: 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
    rows,
    isReal: false
  }
}

export function shuffle (rows: readonly string[], seed: number): string[] {
  const random = seededRandom(seed)
  const shuffled = [...rows]
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = random.uint32() % (i + 1)
    const swapped = shuffled[i] as string
    shuffled[i] = shuffled[j] as string
    shuffled[j] = swapped
  }
  return shuffled
}

/**
 * Per key the fields of its latest row by InvoiceDate; of rows of the same minute the one on the
 * later line.
 */
export function latestRows (
  header: string,
  rows: readonly string[]
): Map<string, Record<string, string | number>> {
  const names = header.split(',')
  const latest = new Map<string, { date: string, row: string[] }>()
  for (const row of rows) {
    const values = [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((
      [, quoted, plain]
    ) => quoted?.replaceAll('""', '"') ?? plain ?? '')
    const key = values[names.indexOf('StockCode')] ?? ''
    const date = values[names.indexOf('InvoiceDate')] ?? ''
    if (date >= (latest.get(key)?.date ?? '')) latest.set(key, { date, row: values })
  }
  return new Map(
    [...latest].map((
      [key, { row }]
    ) => [key, Object.fromEntries(
      names.map((name, i): [string, string | number] => [name, typed(row[i] ?? '')]).filter((
        [name]
      ) => name !== 'StockCode')
    )])
  )
}

/** A plain decimal number within the safe integers is a number; everything else stays text. */
function typed (text: string): string | number {
  return /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/.test(text) &&
      Math.abs(Number(text)) <= Number.MAX_SAFE_INTEGER
    ? Number(text) + 0
    : text
}
