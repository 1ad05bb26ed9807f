/**
 * The pages that are stored. They are a WebAssembly instance's memory: ordinary memory that starts at a page, as the
 * native benchmarks' does.
 */
import { randomFillSync } from 'node:crypto'

import { pageSize } from '../lib/index.js'

// The types of Node know no WebAssembly.
declare const WebAssembly: { Memory: new (options: { initial: number }) => { readonly buffer: ArrayBuffer } }

const wasmPage = 65_536
const mostRandomBytes = 2 ** 30

export interface Source {
  readonly pages: number
  /** `count` pages from page `first` on. */
  range(first: number, count: number): Uint8Array
}

export function createSource(pages: number): Source {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((pages * pageSize) / wasmPage) })
  const bytes = new Uint8Array(memory.buffer, 0, pages * pageSize)
  for (let at = 0; at < bytes.length; at += mostRandomBytes) {
    randomFillSync(bytes.subarray(at, at + mostRandomBytes))
  }
  return { pages, range: (first, count) => bytes.subarray(first * pageSize, (first + count) * pageSize) }
}

/** 0 to `count` - 1 in an order that has none, alike in every run. */
export function shuffled(count: number): Uint32Array {
  const numbers = Uint32Array.from({ length: count }, (_, i) => i)
  let state = 1
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * (i + 1))
    const number = numbers[i]!
    numbers[i] = numbers[other]!
    numbers[other] = number
  }
  return numbers
}
