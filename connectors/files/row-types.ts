/**
 * The rows that the readers of CSV and NDJSON hand out: one at a time, good or bad. A bad row is
 * reported and skipped, and never stops the rows behind it.
 */
import type { Value } from '../../engine/base/values.js'

export interface GoodRow {
  /** The physical line the row starts on, from 1; a header and blank lines count. */
  readonly line: number
  readonly value: { readonly [column: string]: Value }
  /**
   * The names in the header, for a format that has one. Every row then has all of them, and every
   * value is the text that stood in the file. Without them (NDJSON) rows may differ, and values
   * have the types they were written with.
   */
  readonly columns?: readonly string[]
}

export interface BadRow {
  readonly line: number
  /** Why the row cannot be used; a phrase that reads well behind 'line 7: '. */
  readonly problem: string
}

export type Row = GoodRow | BadRow
