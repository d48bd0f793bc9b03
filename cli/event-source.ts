/**
 * The flags that say how a file's rows become events, and the events, each with the line it stands
 * on.
 */
import { toEvent, type Event, type EventColumns, type NoEvent } from '../connectors/files/events.js'
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
  readonly event: Event | NoEvent
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
