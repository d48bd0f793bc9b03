/** Columns for people: text to the left, numbers to the right. */
export function table (header: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const isNumber = header.map((_, column) =>
    rows.length > 0 && rows.every(row => /^[\d.,]*$/.test(row[column] ?? ''))
  )
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map(row => row[column]?.length ?? 0))
  )
  return [header, ...rows].map(row =>
    `${
      row.map((cell, column) =>
        isNumber[column] === true
          ? cell.padStart(widths[column] ?? 0)
          : cell.padEnd(widths[column] ?? 0)
      ).join('  ').trimEnd()
    }\n`
  ).join('')
}
