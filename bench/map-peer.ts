/**
 * What one writes today without an addon of one's own: a Map from a page's digest to a copy of it. It believes the
 * digest, which is 64 bits and not cryptographic; a careful one would compare as well.
 */
import xxhash from 'xxhash-addon'

export interface MapPeer {
  /** @returns what the page is known by */
  store(page: Buffer): string
}

export function createMapPeer(): MapPeer {
  const pages = new Map<string, { page: Buffer; references: number }>()
  return {
    store(page) {
      const digest = xxhash.XXHash3.hash(page).toString('latin1')
      const known = pages.get(digest)
      if (known === undefined) pages.set(digest, { page: Buffer.from(page), references: 1 })
      else known.references++
      return digest
    },
  }
}
