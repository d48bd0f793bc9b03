/** An invariant that does not hold: the find of a simulation. */
export class Violation extends Error {
  constructor (readonly invariant: string, readonly detail: string) {
    super(`${invariant}: ${detail}`)
    this.name = 'Violation'
  }
}

/** An error with the place it comes from, for reports. */
export function stackOf (error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error)
}
