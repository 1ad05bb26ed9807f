import fc from 'fast-check'
import { PageStore, PageStoreError } from 'pagestore'
import { expect, test } from 'vitest'

import { page, pages } from './support/pages.js'

interface Entry {
  readonly seed: number
  readonly count: number
  /** Somebody wrote into a view of it: the view shows that, and no longer the page. */
  readonly scribbled: boolean
}

/** What a store promises, in a few lines of plain JavaScript. */
class Model {
  readonly maxPages = 40
  contents = new Map<number, Entry>()

  numberOf(seed: number): number | undefined {
    for (const [n, entry] of this.contents) if (entry.seed === seed) return n
    return undefined
  }

  /** The distinct new contents among `seeds` fit. */
  fits(seeds: number[]): boolean {
    const fresh = new Set(seeds.filter((seed) => this.numberOf(seed) === undefined))
    return this.contents.size + fresh.size <= this.maxPages
  }

  stored(seed: number, n: number): void {
    const entry = this.contents.get(n) ?? { seed, count: 0, scribbled: false }
    expect(entry.seed, `page ${n} was in use`).toBe(seed)
    expect(this.numberOf(seed) ?? n).toBe(n)
    this.contents.set(n, { ...entry, count: entry.count + 1 })
  }

  /** Adds `by` to each count; false, and nothing changed, when one of them is not stored (that often). */
  change(ns: number[], by: 1 | -1): boolean {
    const contents = new Map(this.contents)
    for (const n of ns) {
      const entry = contents.get(n)
      if (entry === undefined) return false
      if (entry.count + by === 0) contents.delete(n)
      else contents.set(n, { ...entry, count: entry.count + by })
    }
    this.contents = contents
    return true
  }

  scribble(n: number): boolean {
    const entry = this.contents.get(n)
    if (entry !== undefined) this.contents.set(n, { ...entry, scribbled: true })
    return entry !== undefined
  }
}

const seeds = fc.array(fc.nat(60), { maxLength: 12 })
const numbers = fc.array(fc.nat(45), { maxLength: 12 })
const step = fc.oneof(
  fc.record({ op: fc.constant('storePages' as const), seeds }),
  fc.record({ op: fc.constant('storePage' as const), seeds: fc.tuple(fc.nat(60)) }),
  fc.record({ op: fc.constantFrom('refPages' as const, 'unrefPages' as const), numbers }),
  fc.record({ op: fc.constantFrom('refPage' as const, 'unrefPage' as const), numbers: fc.tuple(fc.nat(45)) }),
  fc.record({ op: fc.constant('scribble' as const), numbers: fc.tuple(fc.nat(45)) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Runs `action`; whether it succeeded must be what the model says. */
function agrees(succeeds: boolean, action: () => void): void {
  try {
    action()
  } catch (error) {
    if (succeeds || !(error instanceof PageStoreError)) throw error
    return
  }
  expect(succeeds, 'nothing was thrown').toBe(true)
}

function run(store: PageStore, model: Model, step: Step): void {
  switch (step.op) {
    case 'storePages':
      agrees(model.fits(step.seeds), () => {
        const numbers = store.storePages(pages(...step.seeds))
        for (const [i, seed] of step.seeds.entries()) model.stored(seed, numbers[i]!)
      })
      break
    case 'storePage':
      agrees(model.fits(step.seeds), () => model.stored(step.seeds[0], store.storePage(page(step.seeds[0]))))
      break
    case 'refPages':
    case 'unrefPages': {
      const succeeds = model.change(step.numbers, step.op === 'refPages' ? 1 : -1)
      agrees(succeeds, () => store[step.op](Uint32Array.from(step.numbers)))
      break
    }
    case 'refPage':
    case 'unrefPage': {
      const succeeds = model.change(step.numbers, step.op === 'refPage' ? 1 : -1)
      agrees(succeeds, () => store[step.op](step.numbers[0]))
      break
    }
    case 'scribble':
      agrees(model.scribble(step.numbers[0]), () => store.getPage(step.numbers[0]).fill(0xdb))
      break
  }
}

function check(store: PageStore, model: Model): void {
  expect(store.size).toBe(model.contents.size)
  let references = 0
  for (const [n, { seed, count, scribbled }] of model.contents) {
    expect(store.refCount(n)).toBe(count)
    expect(store.getPage(n).equals(page(seed))).toBe(!scribbled)
    references += count
  }
  expect(store.stats().references).toBe(references)
}

test('any sequence of calls does what a plain JavaScript model does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model()
      using store = new PageStore({ maxPages: model.maxPages })
      for (const step of steps) {
        run(store, model, step)
        check(store, model)
      }
      // Every page is where the model says: storing it again finds it.
      for (const [n, { seed }] of model.contents) expect(store.storePage(page(seed))).toBe(n)
    }),
    { numRuns: 300 },
  )
})
