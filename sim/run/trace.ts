/**
 * The last events of a run, for the report, and a hash over all of them: two runs are the same if
 * their hashes are.
 */

export class Trace {
  readonly #ring: string[] = []
  readonly #size: number
  readonly #print: ((line: string) => void) | undefined
  #count = 0
  #hash = 0x811c9dc5

  constructor (size: number, print?: (line: string) => void) {
    this.#size = size
    this.#print = print
  }

  add (atMs: number, label: string): void {
    let hash = this.#hash ^ Math.floor(atMs * 1000)
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193)
    this.#hash = hash
    this.#ring[this.#count++ % this.#size] = `${atMs.toFixed(2)} ${label}`
    this.#print?.(`${atMs.toFixed(2)} ${label}`)
  }

  get hash (): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  /** The last events, oldest first. */
  get last (): string[] {
    const from = Math.max(0, this.#count - this.#size)
    return Array.from(
      { length: this.#count - from },
      (_, i) => this.#ring[(from + i) % this.#size] ?? ''
    )
  }
}
