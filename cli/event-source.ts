/**
 * The flags that say how the rows of a file become events, and these events, each with the line
 * where its row begins.
 */
import { toEvent, type EventColumns, type NoEvent,
  type RowEvent } from '../connectors/files/row-events.js'
import { ConfigError } from '../engine/errors.js'
import { inferFormat, readRows, type RowFormat } from '../connectors/files/rows.js'

export interface EventFlags {
  readonly format?: RowFormat
  readonly key?: string
  readonly at?: string
  readonly fields?: readonly string[]
}

export interface LineEvent {
  readonly line: number
  readonly event: RowEvent | NoEvent
}

/**
 * @throws ConfigError when flags are missing or contradict the file; while reading, what readRows
 * throws
 */
export function readEvents (file: string, flags: EventFlags): AsyncIterable<LineEvent> {
  const { key, at, fields } = flags
  if (key === undefined) {
    throw new ConfigError('--key is missing: name the column that holds the key')
  }
  const columns: EventColumns = {
    key,
    ...at === undefined ? {} : { at },
    ...fields === undefined ? {} : { fields }
  }
  return eventsOf(file, flags.format ?? inferFormat(file), columns)
}

async function* eventsOf (
  file: string,
  format: RowFormat,
  columns: EventColumns
): AsyncGenerator<LineEvent> {
  for await (const row of readRows({ file, format })) {
    yield { line: row.line, event: toEvent(row, columns) }
  }
}
