/**
 * Whether a path still leads to the file that was opened there. A file that is removed, or replaced
 * by another, can be written for as long as it is open: whoever opens the path later finds nothing
 * of that.
 */
import { statSync } from 'node:fs'

export class SameFile {
  readonly #path: string
  #id: string | undefined

  constructor (path: string) {
    this.#path = path
  }

  /** False once the path leads elsewhere than at the first call that found a file there. */
  get isThere (): boolean {
    const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false })
    const id = found === undefined ? undefined : `${found.dev} ${found.ino}`
    this.#id ??= id
    return this.#id === id
  }
}
