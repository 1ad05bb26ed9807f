/** The page store: each distinct page once, counted, and seen through windows without a copy. */

import { type Handle, type MemoryKind, native } from './addon/native.js'
import { type PageStoreStats, statisticsOf } from './addon/statistics.js'
import { bytesOf, optionsOf, shown, wrong } from './arguments.js'
import { PageStoreError } from './errors.js'

export type { MemoryKind, PageStoreStats }

/** Bytes in one page of this system: 4096 on x86-64, up to 65536 elsewhere. */
export const pageSize: number = native.pageSize

/** How much memory a store takes, and of which kind. */
export interface PageStoreOptions {
  /** Pages to have room for from the start; the store grows by itself when it needs more. Default 1. */
  capacity?: number | undefined
  /**
   * The most pages this store may ever hold: its budget. Default 4 294 967 295. The page tables of snapshots, 64 bytes
   * each, are not counted.
   */
  maxPages?: number | undefined
  /**
   * Which memory to insist on. Default: `huge` where the system allows it, else `memfd`. The environment variable
   * `PAGESTORE_MEMORY` changes the default.
   */
  memory?: MemoryKind | undefined
}

/** Names a store within this process, for any Worker. It does not keep the store open. */
export interface PageStoreToken {
  /** Read by {@link PageStore.open} alone: it may change from one release to the next. */
  readonly pagestore: string
}

// A power of two, so that finding a page's window costs next to nothing.
const windowMask = native.windowPages - 1
const windowShift = Math.log2(native.windowPages)

const closed: Handle = -1

// A store that nobody closed is closed when it is collected.
const forgotten = new FinalizationRegistry<Handle>((handle) => native.close(handle))

/** For the other classes of this package: the addon's handle on a store. */
export let handleOf: (store: PageStore) => Handle

/** In place of options: what is open already. */
class OpenHandle {
  readonly #handle: Handle

  constructor(handle: Handle) {
    this.#handle = handle
  }

  /** Asks nothing of an object of the caller's. */
  static in(options: object): Handle | undefined {
    return Object(options) === options && #handle in options ? options.#handle : undefined
  }
}

/**
 * Memory pages, each distinct one stored once and counted.
 *
 * Storing a page that is stored already returns its number and adds a reference. A page whose last reference is released
 * is recycled, and its number will name another page. Every method throws {@link PageStoreError},
 * and one that throws has changed nothing.
 */
export class PageStore implements Disposable {
  static {
    handleOf = (store) => {
      if (store !== null && typeof store === 'object' && #handle in store) return store.#handle
      throw new PageStoreError('ERR_ARGUMENT_TYPE', 'a PageStore is expected')
    }
  }

  #handle: Handle
  // Each shows `native.windowPages` pages, and is opened when it is first needed.
  readonly #windows: ArrayBuffer[] = []

  /** @throws `ERR_CAPACITY`, `ERR_ARGUMENT_TYPE`, `ERR_OUT_OF_MEMORY` */
  constructor(options?: PageStoreOptions)
  constructor(options: PageStoreOptions | OpenHandle = {}) {
    this.#handle = OpenHandle.in(options) ?? openStore(options as PageStoreOptions)
    forgotten.register(this, this.#handle, this)
  }

  /**
   * Opens the store that `token` names, which may be of another thread. Each handle must be closed; the pages stay until
   * the last one is.
   * @throws `ERR_STORE_CLOSED` when the last handle was closed, `ERR_TOKEN`
   */
  static open(token: PageStoreToken): PageStore {
    return new PageStore(new OpenHandle(native.openShared(nameIn(token))) as PageStoreOptions)
  }

  /** Bytes in one page. */
  get pageSize(): number {
    return pageSize
  }

  /** Distinct pages in use. */
  get size(): number {
    return native.size(this.#handle)
  }

  /** Pages mapped. They may exceed `maxPages`, by rounding and by one step for captures in progress. */
  get capacity(): number {
    return native.capacity(this.#handle)
  }

  /**
   * Stores one page of exactly {@link pageSize} bytes, at any alignment, and adds a reference to it.
   * @returns its number
   * @throws `ERR_PAGE_SIZE`, `ERR_OUT_OF_MEMORY`, `ERR_REFERENCE_COUNT`, `ERR_BUFFER_DETACHED`, `ERR_ARGUMENT_TYPE`
   */
  storePage(page: Uint8Array): number {
    return native.storePage(this.#handle, page)
  }

  /**
   * Stores a row of pages, much faster than one by one. Either all are stored or, if it throws, none.
   * @param pages a multiple of {@link pageSize} bytes, or no bytes
   * @returns a number for each page, in order; equal pages have equal numbers, and a reference for each occurrence
   * @throws as {@link storePage}
   */
  storePages(pages: Uint8Array): Uint32Array {
    const bytes = bytesOf(pages, 'pages')
    // Of what is not whole pages the addon stores nothing.
    const numbers = arrayForNumbers(Math.trunc(bytes.length / pageSize))
    native.storePages(this.#handle, bytes, numbers)
    return numbers
  }

  /**
   * Adds a reference to a page that the caller knows to be stored: cheaper than storing it again.
   * @throws `ERR_PAGE_NUMBER`, `ERR_REFERENCE_COUNT`, `ERR_ARGUMENT_TYPE`
   */
  refPage(n: number): void {
    native.refPage(this.#handle, n)
  }

  /** {@link refPage} for each number; one may occur several times. All or none. */
  refPages(ns: Uint32Array): void {
    native.refPages(this.#handle, ns)
  }

  /**
   * Releases one reference of users: whoever stored the page or called {@link refPage}, through any handle on the store.
   * What snapshots hold stays theirs. When nobody has a reference any more, the page is recycled.
   * @throws `ERR_PAGE_NUMBER` (also for one reference more than users have), `ERR_ARGUMENT_TYPE`
   */
  unrefPage(n: number): void {
    native.unrefPage(this.#handle, n)
  }

  /** {@link unrefPage} for each number; one may occur several times. All or none. */
  unrefPages(ns: Uint32Array): void {
    native.unrefPages(this.#handle, ns)
  }

  /**
   * References to page `n`, those of users and those of snapshots together; 0 for a recycled one.
   * @throws `ERR_PAGE_NUMBER` for a number never used
   */
  refCount(n: number): number {
    return native.refCount(this.#handle, n)
  }

  /**
   * The bytes of page `n`, without a copy. They are the page's while it is referenced; the Buffer can be read for ever.
   *
   * The stored page stays as it is whatever you write into it: only this handle shows that, in every Buffer over the page,
   * also in later ones, until the store recycles the page. Its `buffer` is much larger than the page and contains others, so write to nothing but the page's own bytes, and copy a page (`Buffer.from(page)`) before you post,
   * clone or transfer it. Where a runtime allows no external memory in a Buffer (Electron), the result is a copy.
   * @throws `ERR_PAGE_NUMBER`, `ERR_ARGUMENT_TYPE`, `ERR_OUT_OF_MEMORY`
   */
  getPage(n: number): Buffer {
    native.handOut(this.#handle, n)
    const index = n >>> windowShift
    const offset = (n & windowMask) * pageSize
    let window: ArrayBuffer | null | undefined = this.#windows[index]
    // It is too short if the store has grown since it was opened, or if a caller has transferred it.
    if (window === undefined || window.byteLength < offset + pageSize) {
      window = native.openWindow(this.#handle, index)
      if (window === null) return this.#copy(n)
      this.#windows[index] = window
    }
    return Buffer.from(window, offset, pageSize)
  }

  #copy(n: number): Buffer {
    const page = Buffer.allocUnsafeSlow(pageSize)
    native.copyPage(this.#handle, n, page)
    return page
  }

  /** What the store has done and what it costs. */
  stats(): PageStoreStats {
    return statisticsOf(this.#handle)
  }

  /**
   * A small token, to be sent to a Worker and passed to {@link PageStore.open} there. It does not keep the store open:
   * after the last `close()` it is refused with `ERR_STORE_CLOSED`.
   */
  share(): PageStoreToken {
    return { pagestore: native.token(this.#handle) }
  }

  /**
   * Closes this handle; the memory is released with the last handle of any thread. References taken through it stay.
   * Afterwards everything but `pageSize` throws `ERR_STORE_CLOSED`; Buffers from `getPage` stay readable. A second call
   * does nothing.
   */
  close(): void {
    forgotten.unregister(this)
    native.close(this.#handle)
    this.#handle = closed
    this.#windows.length = 0
  }

  /** Closes it: `using store = new PageStore()`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

/** What is no object, no `share()` gave: the addon refuses it. */
function nameIn(token: PageStoreToken): string {
  return token === null || typeof token !== 'object' ? '' : optionsOf(token, ['pagestore'], 'a token').pagestore
}

function arrayForNumbers(count: number): Uint32Array {
  try {
    return new Uint32Array(count)
  } catch {
    throw new PageStoreError('ERR_OUT_OF_MEMORY', `there is no memory for the numbers of ${count} pages`)
  }
}

function openStore(options: PageStoreOptions): Handle {
  const { capacity, maxPages, memory } = optionsOf(options, ['capacity', 'maxPages', 'memory'])
  const wanted = memory ?? (process.env['PAGESTORE_MEMORY'] || undefined)
  if (wanted !== undefined && wanted !== 'huge' && wanted !== 'memfd') {
    throw wrong(`memory is ${shown(wanted)}: must be 'huge' or 'memfd'`)
  }
  return native.open(capacity, maxPages, wanted)
}
