import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { PageStoreError } from './errors.js'

/**
 * The memory a store lives in: `huge` pages (a tmpfs of its own; new pages cost a tenth) or a plain `memfd`.
 */
export type MemoryKind = 'huge' | 'memfd'

export interface PageStoreStats {
  /** Distinct pages in use. */
  pages: number
  /** Pages mapped. */
  capacity: number
  /** References to all pages together. */
  references: number
  /** Pages offered to the store that it had already. */
  duplicates: number
  /** Comparisons of pages that shared the 32 bits of hash that are kept, and differed. */
  collisions: number
  /** Bytes beside the pages themselves: counts, hash index, marks. */
  bookkeepingBytes: number
  /** How often the memory grew, the first time included. */
  growths: number
  /** How often growing moved the memory to another address. */
  moves: number
  memory: MemoryKind
  /** What pages are hashed with. */
  hash: 'avx512' | 'avx2' | 'sse2' | 'neon' | 'scalar'
}

/** A store as the addon knows it: a small integer, checked on every call. */
export type Handle = number

/** The addon's functions (native/binding). Each throws {@link PageStoreError}. */
export interface Native {
  readonly pageSize: number
  /** Pages to a window; the last window of a store may still be shorter. */
  readonly windowPages: number
  setErrorClass(errorClass: typeof PageStoreError): void
  open(capacity: number | undefined, maxPages: number | undefined, memory: MemoryKind | undefined): Handle
  openShared(token: string): Handle
  close(handle: Handle): void
  token(handle: Handle): string
  size(handle: Handle): number
  capacity(handle: Handle): number
  stats(handle: Handle): PageStoreStats
  storePage(handle: Handle, page: Uint8Array): number
  /** `numbers` has room for as many as there are pages, and receives them. */
  storePages(handle: Handle, pages: Uint8Array, numbers: Uint32Array): void
  refPage(handle: Handle, n: number): void
  refPages(handle: Handle, ns: Uint32Array): void
  unrefPage(handle: Handle, n: number): void
  unrefPages(handle: Handle, ns: Uint32Array): void
  refCount(handle: Handle, n: number): number
  handOut(handle: Handle, n: number): void
  copyPage(handle: Handle, n: number): Buffer
  openWindow(handle: Handle, index: number): ArrayBuffer | null
}

// Sources, their compiled form and the installed package lie at different depths below the package's folder.
function packageFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  for (let folder = here; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'binding.gyp'))) return folder
    // Bundled into another program: its build must leave this package outside.
    if (folder === dirname(folder)) return here
  }
}

function load(): Native {
  const folder = packageFolder()
  const require = createRequire(import.meta.url)
  let addon: Native
  try {
    addon = (require('node-gyp-build') as (folder: string) => Native)(folder)
  } catch (cause) {
    const { platform, arch, version } = process
    throw new Error(
      `pagestore has no native addon for ${platform}-${arch}, Node ${version}: looked in ${folder} below ` +
        'build/Release and prebuilds. Install a C++ compiler, make and Python, then run `npm rebuild pagestore`. ' +
        'A bundler must leave pagestore outside of the bundle. Only Linux is supported.',
      { cause },
    )
  }
  addon.setErrorClass(PageStoreError)
  return addon
}

export const native: Native = load()
