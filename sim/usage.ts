/** A command line that cannot be used. */
export class UsageError extends Error {}

/** @throws UsageError when the text is not a whole number */
export function wholeNumber (option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new UsageError(`${option} must be a whole number, got ${JSON.stringify(text)}`)
  }
  return value
}
