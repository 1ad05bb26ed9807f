/**
 * What JavaScript sees: the store through its facade, a page read back, and the peer that is a Map.
 */
import { PageStore, pageSize } from '../lib/index.js'
import {
  duplicatesAtRandom,
  duplicatesHot,
  duplicatesInOrder,
  newPagesGrowing,
  newPagesRecycled,
  storePageHot,
} from './javascript-batches.js'
import { createMapPeer } from './map-peer.js'
import { type Figures, hotPages, type Sizes } from './sizes.js'
import type { Source } from './source.js'
import { median } from './statistics.js'
import { collectGarbage, nanosecondsPer, sink } from './stopwatch.js'

const batches = [256, 4096]

/** Figures are called `javascript duplicates_in_order/256` and the like, as the native ones are. */
export function javascriptRound(source: Source, { repetitions }: Sizes): Figures {
  const figures = new Map<string, number[]>()
  const measure = (scenario: () => Record<string, number>) => {
    for (let i = 0; i < repetitions; i++) {
      collectGarbage()
      for (const [name, figure] of Object.entries(scenario())) figures.set(name, [...(figures.get(name) ?? []), figure])
    }
  }
  for (const batch of batches) {
    measure(() => ({ [`javascript duplicates_in_order/${batch}`]: duplicatesInOrder(source, batch) }))
    measure(() => ({ [`javascript duplicates_at_random/${batch}`]: duplicatesAtRandom(source, batch) }))
    measure(() => ({ [`javascript new_pages_recycled/${batch}`]: newPagesRecycled(source, batch) }))
    measure(() => ({ [`javascript new_pages_growing/${batch}`]: newPagesGrowing(source, batch) }))
  }
  measure(() => ({ [`javascript duplicates_hot/${hotPages}`]: duplicatesHot(source, hotPages) }))
  measure(() => ({ 'javascript duplicates_hot/1': storePageHot(source) }))
  measure(() => readBack(source))
  measure(() => mapPeer(source))
  return new Map(Array.from(figures, ([name, all]) => [name, median(all)]))
}

/** `getPage`, and beside it the view alone, both over every stored page in turn. */
function readBack(source: Source): Record<string, number> {
  using store = new PageStore({ capacity: source.pages })
  const numbers = store.storePages(source.range(0, source.pages))
  const { buffer } = store.getPage(numbers[0]!)
  const perBuffer = Math.floor(buffer.byteLength / pageSize)

  const pages = () => {
    for (const n of numbers) sink.value += store.getPage(n).length
  }
  const views = () => {
    for (const n of numbers) sink.value += Buffer.from(buffer, (n % perBuffer) * pageSize, pageSize).length
  }
  pages()
  views()
  const figures = { getPage: 0, view: 0 }
  const passes = 8
  for (let i = 0; i < passes; i++) {
    figures.getPage += nanosecondsPer(numbers.length, pages) / passes
    figures.view += nanosecondsPer(numbers.length, views) / passes
  }
  return figures
}

/** The same pages into an empty Map, and then once more. */
function mapPeer(source: Source): Record<string, number> {
  const peer = createMapPeer()
  const pass = () => {
    for (let i = 0; i < source.pages; i++) {
      const { buffer, byteOffset, length } = source.range(i, 1)
      sink.value += peer.store(Buffer.from(buffer, byteOffset, length)).length
    }
  }
  return { 'map new_pages': nanosecondsPer(source.pages, pass), 'map duplicates': nanosecondsPer(source.pages, pass) }
}
