/**
 * Reads the binary format of WebAssembly (https://webassembly.github.io/spec/core/binary/), byte by byte.
 *
 * Every read ends, whatever the bytes are: one beyond the end fails, and so does a number that is longer than the format
 * allows. What fails throws `ERR_MODEL` with where it is.
 */

import { PageStoreError } from '../errors.js'

/** Refuses a module. */
export function refuse(reason: string): never {
  throw new PageStoreError('ERR_MODEL', reason)
}

// A mark of byte order is part of a name, as it is for engines.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export class Cursor {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  /** Reads `bytes` from `start` to just before `end`. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  fail(what: string): never {
    return refuse(`the module is not understood at byte ${this.#at}: ${what}`)
  }

  at(): number {
    return this.#at
  }

  isAtEnd(): boolean {
    return this.#at === this.#end
  }

  byte(): number {
    if (this.#at >= this.#end) this.fail('it ends too early')
    return this.#bytes[this.#at++] as number
  }

  /** The next byte, which is not taken. */
  peek(): number {
    const next = this.byte()
    this.#at--
    return next
  }

  /** LEB128, unsigned, of so many bits: exact up to 2^53. */
  unsigned(bits: number): number {
    let value = 0
    for (let shift = 0; shift < bits; shift += 7) {
      const next = this.byte()
      value += (next & 0x7f) * 2 ** shift
      if (next < 0x80) return value
    }
    return this.fail('a number is too long')
  }

  /** LEB128, signed, of so many bits: exact up to 2^53. */
  signed(bits: number): number {
    let value = 0
    for (let shift = 0; shift < bits; shift += 7) {
      const next = this.byte()
      value += (next & 0x7f) * 2 ** shift
      if (next < 0x80) return (next & 0x40) === 0 ? value : value - 2 ** (shift + 7)
    }
    return this.fail('a number is too long')
  }

  /** An index or a count. */
  index(): number {
    // By far the most are one byte.
    const next = this.#at < this.#end ? (this.#bytes[this.#at] as number) : 0x80
    if (next >= 0x80) return this.unsigned(32)
    this.#at++
    return next
  }

  skip(length: number): void {
    if (length > this.#end - this.#at) this.fail('it ends too early')
    this.#at += length
  }

  name(): string {
    const length = this.index()
    this.skip(length)
    return decoder.decode(this.#bytes.subarray(this.#at - length, this.#at))
  }

  /** So many items, each by a call of `read`. Each takes at least a byte, so there are never more than bytes. */
  list<T>(read: (index: number) => T): T[] {
    const items: T[] = []
    const count = this.index()
    if (count > this.#end - this.#at) this.fail(`a list of ${count} items is longer than what is left`)
    for (let i = 0; i < count; i++) items.push(read(i))
    return items
  }
}
