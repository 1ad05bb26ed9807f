/**
 * A SHA-256 of each page as it was first read, by page number: what the store returns later is compared with it.
 */
import { hash } from 'node:crypto'

const digestBytes = 32
const digestsPerBlock = 8192

export interface Digests {
  /** Notes what page `n` holds, unless it is known. @returns whether it was new */
  note(n: number, page: Buffer): boolean
  /** Whether `page` is what was noted for `n`. */
  agrees(n: number, page: Buffer): boolean
  /** Every number noted, in order. */
  numbers(): Generator<number>
}

export function createDigests(): Digests {
  // Page numbers are dense: blocks of digests take a third of what a Map would, and no block is ever copied.
  const blocks: { digests: Buffer; known: Uint8Array }[] = []

  return {
    note(n, page) {
      const index = Math.trunc(n / digestsPerBlock)
      while (blocks.length <= index) {
        blocks.push({
          digests: Buffer.allocUnsafeSlow(digestsPerBlock * digestBytes),
          known: new Uint8Array(digestsPerBlock),
        })
      }
      const { digests, known } = blocks[index]!
      const at = n % digestsPerBlock
      if (known[at] === 1) return false
      known[at] = 1
      digest(page).copy(digests, at * digestBytes)
      return true
    },

    agrees(n, page) {
      const block = blocks[Math.trunc(n / digestsPerBlock)]
      const at = (n % digestsPerBlock) * digestBytes
      return block?.digests.compare(digest(page), 0, digestBytes, at, at + digestBytes) === 0
    },

    *numbers() {
      for (const [index, { known }] of blocks.entries()) {
        for (let at = known.indexOf(1); at !== -1; at = known.indexOf(1, at + 1)) yield index * digestsPerBlock + at
      }
    },
  }
}

function digest(page: Buffer): Buffer {
  return hash('sha256', page, 'buffer')
}
