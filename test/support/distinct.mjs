import { pageSize } from 'pagestore'

/**
 * Fills `row` with pages that hold the numbers from `from` on: no two alike.
 * @param {Buffer} row
 * @param {number} from
 */
export function fillDistinct(row, from) {
  for (let i = 0; i < row.length / pageSize; i++) row.writeDoubleLE(from + i, i * pageSize + 64)
}

/**
 * True when page `n` of the store was filled with the number `n`.
 * @param {import('pagestore').PageStore} store
 * @param {number} n
 */
export function isDistinct(store, n) {
  return store.getPage(n).readDoubleLE(64) === n
}
