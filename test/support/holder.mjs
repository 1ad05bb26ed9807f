// One thread's part in snapshots/holders.test.ts: pages that it stores as a user, and a memory of its own.
import { LocalMemory, pageSize } from 'pagestore'

import { page } from './page.mjs'

export const memoryPages = 40

export class Holder {
  #bytes = Buffer.alloc(memoryPages * pageSize)
  /** @type {import('pagestore').PageStore} */
  #store
  #memory
  /** @type {Map<number, import('pagestore').Snapshot>} */
  #snapshots = new Map()

  /** @param {import('pagestore').PageStore} store */
  constructor(store) {
    this.#store = store
    this.#memory = new LocalMemory(store, this.#bytes)
  }

  /**
   * What the call gave, or its error.
   * @param {[string, number | number[], number?]} operation
   */
  do([name, first, second]) {
    try {
      return { result: this.#call(name, first, second ?? 0) }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      return { code: 'code' in error ? error.code : error.name, message: error.message }
    }
  }

  /**
   * @param {string} name
   * @param {any} first
   * @param {number} second
   */
  #call(name, first, second) {
    switch (name) {
      case 'storePage':
        return [this.#store.storePage(page(first[0]))]
      case 'storePages':
        return [...this.#store.storePages(Buffer.concat(first.map(page)))]
      case 'refPage':
      case 'unrefPage':
        return this.#store[name](first[0])
      case 'refPages':
      case 'unrefPages':
        return this.#store[name](Uint32Array.from(first))
      case 'write':
        // 0 stands for the page of zeroes.
        return void (second === 0 ? Buffer.alloc(pageSize) : page(second)).copy(this.#bytes, first * pageSize)
      case 'capture':
        return void this.#snapshots.set(first, this.#memory.capture())
      case 'restore':
        return this.#memory.restore(this.#snapshot(first))
      case 'read':
        return Uint8Array.from(this.#snapshot(first).read(0n, memoryPages * pageSize))
      case 'release':
        this.#snapshot(first).release()
        return void this.#snapshots.delete(first)
      case 'close':
        return this.#memory.close()
      default:
        throw new Error(`there is no '${name}'`)
    }
  }

  /** @param {number} id */
  #snapshot(id) {
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) throw new Error(`there is no snapshot ${id}`)
    return snapshot
  }
}
