// Pages to store, and what every test asks of an error.
import { PageStoreError } from 'pagestore'
import { expect } from 'vitest'

import { page } from './page.mjs'

export { page }

/** One page after another. */
export function pages(...seeds: number[]): Buffer {
  return Buffer.concat(seeds.map(page))
}

/** 0, 1, … n − 1 */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i)
}

/** Runs what must fail, and returns the error for a closer look. */
export function errorOf(action: () => unknown): PageStoreError {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(PageStoreError)
    return error as PageStoreError
  }
  throw new Error('nothing was thrown')
}
