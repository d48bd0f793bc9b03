/** An invariant that does not hold: what a simulation is after. */
export class Violation extends Error {
  constructor (readonly invariant: string, readonly detail: string) {
    super(`${invariant}: ${detail}`)
    this.name = 'Violation'
  }
}
