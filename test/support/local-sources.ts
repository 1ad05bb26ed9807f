// Every kind of memory that can be followed, and every tracker that this kernel has.
import { type LocalSource, pageSize, type TrackerKind } from 'pagestore'

import { native } from '../../dist/lib/addon/native.js'

export interface Local {
  source: LocalSource
  /** Its bytes, as they are at the moment. */
  bytes(): Uint8Array
}

const all: TrackerKind[] = ['write-protect', 'soft-dirty', 'none']

/** Those that the kernel does not have are named once, where a test report shows them. */
export const trackers = all.filter((tracker) => {
  const has = native.hasTracker(tracker)
  if (!has) console.warn(`skipped: this kernel has no ${tracker} tracker`)
  return has
})

/** Each makes a memory of `pages` pages; the last ones are not aligned to pages, nor whole pages. */
export const localKinds: Record<string, (pages: number) => Local> = {
  'WebAssembly.Memory': (pages) => {
    const source = new WebAssembly.Memory({ initial: Math.ceil((pages * pageSize) / 65536), maximum: 4096 })
    return { source, bytes: () => new Uint8Array(source.buffer) }
  },
  'shared WebAssembly.Memory': (pages) => {
    const initial = Math.ceil((pages * pageSize) / 65536)
    const source = new WebAssembly.Memory({ initial, maximum: 4096, shared: true })
    return { source, bytes: () => new Uint8Array(source.buffer) }
  },
  ArrayBuffer: (pages) => {
    const source = new ArrayBuffer(pages * pageSize)
    return { source, bytes: () => new Uint8Array(source) }
  },
  SharedArrayBuffer: (pages) => {
    const source = new SharedArrayBuffer(pages * pageSize)
    return { source, bytes: () => new Uint8Array(source) }
  },
  'part of a buffer': (pages) => {
    const source = new Uint8Array(new ArrayBuffer((pages + 2) * pageSize), 1234, pages * pageSize - 777)
    return { source, bytes: () => source }
  },
}
