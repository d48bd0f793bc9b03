/**
 * Puts the parts of messages together again. Unfinished messages are bounded in number and bytes:
 * the oldest is given up for a new one.
 */
import type { Limits } from '../../engine/limits.js'
import type { Part } from './envelope.js'

interface Unfinished {
  readonly parts: Array<Uint8Array | undefined>
  missing: number
  bytes: number
}

export class Assembler {
  readonly #unfinished = new Map<string, Unfinished>()
  readonly #limits: Limits
  #bytes = 0

  constructor (limits: Limits) {
    this.#limits = limits
  }

  /** How many messages lack parts. */
  get unfinished (): number {
    return this.#unfinished.size
  }

  /**
   * @param name the same for all parts of one message, beside their id
   * @returns the whole content, or null while parts are missing
   */
  add (name: string, { id, part, parts, content }: Part): Uint8Array | null {
    if (parts === 1) return content
    const message = this.#message(`${name} ${id}`, parts)
    if (message.parts[part] !== undefined) return null
    message.parts[part] = content
    message.bytes += content.length
    this.#bytes += content.length
    if (--message.missing > 0) {
      this.#makeRoom()
      return null
    }
    this.#forget(`${name} ${id}`)
    const whole = Buffer.concat(message.parts as Uint8Array[])
    // Byte values in it must not turn into Buffers.
    return new Uint8Array(whole.buffer, whole.byteOffset, whole.length)
  }

  #message (name: string, parts: number): Unfinished {
    const known = this.#unfinished.get(name)
    if (known?.parts.length === parts) return known
    this.#forget(name)
    const message = {
      parts: new Array<Uint8Array | undefined>(parts).fill(undefined),
      missing: parts,
      bytes: 0
    }
    this.#unfinished.set(name, message)
    return message
  }

  #makeRoom (): void {
    const { maxPartialMessages, maxPartialBytes } = this.#limits
    for (const oldest of this.#unfinished.keys()) {
      if (this.#unfinished.size <= maxPartialMessages && this.#bytes <= maxPartialBytes) return
      this.#forget(oldest)
    }
  }

  #forget (name: string): void {
    this.#bytes -= this.#unfinished.get(name)?.bytes ?? 0
    this.#unfinished.delete(name)
  }
}
