/** `storePages` in the situations in which the core is measured, with the same numbers of pages to a batch. */
import { PageStore } from '../lib/index.js'
import { hotPages } from './sizes.js'
import { type Source, shuffled } from './source.js'
import { median } from './statistics.js'
import { nanosecondsPer, sink } from './stopwatch.js'

/** Stores the first `count` pages of the source. @returns their numbers, an array per batch */
function storeAll(store: PageStore, source: Source, count: number, batch: number): Uint32Array[] {
  const numbers: Uint32Array[] = []
  for (let i = 0; i < count; i += batch) numbers.push(store.storePages(source.range(i, Math.min(batch, count - i))))
  return numbers
}

function mean(times: number, measure: () => number): number {
  let sum = 0
  for (let i = 0; i < times; i++) sum += measure()
  return sum / times
}

export function duplicatesInOrder(source: Source, batch: number): number {
  using store = new PageStore()
  storeAll(store, source, source.pages, batch)
  const pass = () => void storeAll(store, source, source.pages, batch)
  return mean(3, () => nanosecondsPer(source.pages, pass))
}

export function duplicatesAtRandom(source: Source, batch: number): number {
  using store = new PageStore()
  for (const i of shuffled(source.pages)) store.storePage(source.range(i, 1))
  const pass = () => void storeAll(store, source, source.pages, batch)
  pass()
  return mean(3, () => nanosecondsPer(source.pages, pass))
}

export function duplicatesHot(source: Source, batch: number): number {
  using store = new PageStore()
  const pages = source.range(0, batch)
  store.storePages(pages)
  const rounds = 400
  return mean(10, () =>
    nanosecondsPer(rounds * batch, () => {
      for (let round = 0; round < rounds; round++) sink.value += store.storePages(pages).length
    }),
  )
}

export function newPagesRecycled(source: Source, batch: number): number {
  using store = new PageStore()
  const release = (numbers: Uint32Array[]) => {
    for (const some of numbers) store.unrefPages(some)
  }
  release(storeAll(store, source, source.pages, batch))
  return mean(3, () => {
    let numbers: Uint32Array[] = []
    const time = nanosecondsPer(source.pages, () => {
      numbers = storeAll(store, source, source.pages, batch)
    })
    release(numbers)
    return time
  })
}

export function newPagesGrowing(source: Source, batch: number): number {
  const times = Array.from({ length: 5 }, () => {
    // The system is made to own twice the memory that the store will need, as in the native benchmark.
    new PageStore({ capacity: 2 * source.pages }).close()
    using store = new PageStore()
    return nanosecondsPer(source.pages, () => void storeAll(store, source, source.pages, batch))
  })
  return median(times)
}

/** `storePage`, one page that is stored already and in the caches. */
export function storePageHot(source: Source): number {
  using store = new PageStore()
  const pages = Array.from({ length: hotPages }, (_, i) => source.range(i, 1))
  for (const page of pages) store.storePage(page)
  const rounds = 400
  return mean(10, () =>
    nanosecondsPer(rounds * hotPages, () => {
      for (let round = 0; round < rounds; round++) {
        for (const page of pages) sink.value += store.storePage(page)
      }
    }),
  )
}
