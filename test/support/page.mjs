import { pageSize } from 'pagestore'

/**
 * A page that differs from every other seed's, all over.
 * @param {number} seed
 */
export function page(seed) {
  const words = new Uint32Array(pageSize / 4)
  let state = seed + 1
  for (let at = 0; at < words.length; at++) {
    state = Math.imul(state, 1664525) + 1013904223
    words[at] = state ^ seed
  }
  return Buffer.from(words.buffer)
}
