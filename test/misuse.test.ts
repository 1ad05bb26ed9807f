import { PageStore, PageStoreError, type PageStoreToken, pageSize } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { errorOf, page, pages } from './support/pages.js'

const never = 1_000_000
const notNumbers: unknown[] = [undefined, null, '0', 0n, {}, [], true, Symbol('n')]
const notPages: unknown[] = [
  undefined,
  null,
  0,
  'page',
  [],
  {},
  new ArrayBuffer(pageSize),
  Object.create(Uint8Array.prototype),
]
const otherViews = [
  new Int8Array(pageSize),
  new Uint8ClampedArray(pageSize),
  new Float64Array(pageSize / 8),
  new DataView(new ArrayBuffer(pageSize)),
]

function detached(): Uint8Array {
  const view = new Uint8Array(pageSize)
  structuredClone(view.buffer, { transfer: [view.buffer] })
  return view
}

function shrunk(): Uint8Array {
  const buffer = new ArrayBuffer(2 * pageSize, { maxByteLength: 2 * pageSize })
  const view = new Uint8Array(buffer, pageSize, pageSize)
  buffer.resize(pageSize / 2)
  return view
}

/** A store with one recycled page (number 1), and the promise that `action` fails with `code` and changes nothing. */
function refuses(code: string, action: (store: PageStore) => unknown): void {
  using store = new PageStore()
  store.storePages(pages(1, 2, 3))
  store.unrefPage(1)
  const before = store.stats()
  const error = errorOf(() => action(store))
  expect(error.code).toBe(code)
  expect(error.name).toBe('PageStoreError')
  expect(error.message.length).toBeGreaterThan(10)
  expect(store.stats()).toEqual(before)
  expect([0, 1, 2].map((n) => store.refCount(n))).toEqual([1, 0, 1])
  expect(store.getPage(0).equals(page(1)) && store.getPage(2).equals(page(3))).toBe(true)
}

describe('pages', () => {
  const both = ['storePage', 'storePages'] as const
  test.each(both)('%s refuses what is not a Uint8Array', (method) => {
    for (const wrong of [...notPages, ...otherViews]) {
      refuses('ERR_ARGUMENT_TYPE', (store) => store[method](wrong as Uint8Array))
    }
  })

  test.each(both)('%s refuses a detached buffer, and a view that its buffer no longer reaches', (method) => {
    refuses('ERR_BUFFER_DETACHED', (store) => store[method](detached()))
    refuses('ERR_BUFFER_DETACHED', (store) => store[method](shrunk()))
  })

  test.each(both)('%s refuses bytes that are not whole pages', (method) => {
    for (const length of [1, pageSize - 1, pageSize + 1]) {
      refuses('ERR_PAGE_SIZE', (store) => store[method](new Uint8Array(length)))
    }
  })

  test('storePage refuses no bytes and two pages', () => {
    refuses('ERR_PAGE_SIZE', (store) => store.storePage(new Uint8Array(0)))
    refuses('ERR_PAGE_SIZE', (store) => store.storePage(new Uint8Array(2 * pageSize)))
  })

  test('the message says how many bytes there were', () => {
    refuses('ERR_PAGE_SIZE', (store) => {
      expect(errorOf(() => store.storePage(new Uint8Array(17))).message).toContain('17')
      store.storePage(new Uint8Array(17))
    })
  })
})

describe('page numbers', () => {
  const one = ['refPage', 'unrefPage', 'getPage', 'refCount'] as const
  test.each(one)('%s refuses what is not a number', (method) => {
    for (const wrong of notNumbers) refuses('ERR_ARGUMENT_TYPE', (store) => store[method](wrong as number))
  })

  test.each(one)('%s refuses numbers that name no page', (method) => {
    for (const wrong of [Number.NaN, -1, 0.5, 2 ** 32, 2 ** 53, Infinity, -Infinity, 1e300, never, 3, 2 ** 32 - 1]) {
      refuses('ERR_PAGE_NUMBER', (store) => store[method](wrong))
    }
  })

  test.each(['refPage', 'unrefPage', 'getPage'] as const)('%s refuses a recycled page', (method) => {
    refuses('ERR_PAGE_NUMBER', (store) => store[method](1))
  })

  const many = ['refPages', 'unrefPages'] as const
  test.each(many)('%s refuses what is not a Uint32Array', (method) => {
    for (const wrong of [...notPages, [0], new Int32Array(1), new Uint8Array(4), 0]) {
      refuses('ERR_ARGUMENT_TYPE', (store) => store[method](wrong as Uint32Array))
    }
  })

  test.each(many)('%s refuses a batch with one page that is not stored', (method) => {
    for (const wrong of [1, 3, never, 2 ** 32 - 1]) {
      refuses('ERR_PAGE_NUMBER', (store) => store[method](Uint32Array.of(0, 2, wrong)))
    }
  })

  test.each(many)('%s refuses a detached array', (method) => {
    refuses('ERR_BUFFER_DETACHED', (store) => {
      const numbers = Uint32Array.of(0)
      structuredClone(numbers.buffer, { transfer: [numbers.buffer] })
      store[method](numbers)
    })
  })
})

describe('options', () => {
  test('no store has room for no pages, part of one, or more than numbers can name', () => {
    for (const wrong of [0, -1, 1.5, Number.NaN, Infinity, 2 ** 32, 2 ** 60]) {
      expect(errorOf(() => new PageStore({ capacity: wrong })).code).toBe('ERR_CAPACITY')
      expect(errorOf(() => new PageStore({ maxPages: wrong })).code).toBe('ERR_CAPACITY')
    }
    expect(errorOf(() => new PageStore({ capacity: 11, maxPages: 10 })).code).toBe('ERR_CAPACITY')
  })

  test('options of the wrong type are refused', () => {
    for (const wrong of ['1', null, {}, 1n]) {
      expect(errorOf(() => new PageStore({ capacity: wrong as number })).code).toBe('ERR_ARGUMENT_TYPE')
      expect(errorOf(() => new PageStore({ maxPages: wrong as number })).code).toBe('ERR_ARGUMENT_TYPE')
    }
    expect(errorOf(() => new PageStore(null as never)).code).toBe('ERR_ARGUMENT_TYPE')
    expect(errorOf(() => new PageStore(7 as never)).code).toBe('ERR_ARGUMENT_TYPE')
    expect(errorOf(() => new PageStore({ memory: 'tape' as never })).code).toBe('ERR_ARGUMENT_TYPE')
  })

  test('a token that share() did not give is refused', () => {
    for (const wrong of [
      undefined,
      null,
      {},
      'x',
      { pagestore: 7 },
      { pagestore: 'zz' },
      { pagestore: 'g'.repeat(32) },
    ]) {
      expect(errorOf(() => PageStore.open(wrong as PageStoreToken)).code).toBe('ERR_TOKEN')
    }
    expect(errorOf(() => PageStore.open({ pagestore: '0'.repeat(32) })).code).toBe('ERR_STORE_CLOSED')
  })
})

describe('after close', () => {
  test('everything but pageSize throws ERR_STORE_CLOSED', () => {
    const store = new PageStore()
    store.storePage(page(1))
    store.close()
    const uses: ((store: PageStore) => unknown)[] = [
      (s) => s.size,
      (s) => s.capacity,
      (s) => s.stats(),
      (s) => s.share(),
      (s) => s.storePage(page(1)),
      (s) => s.storePages(page(1)),
      (s) => s.storePages(new Uint8Array(0)),
      (s) => s.refPage(0),
      (s) => s.refPages(Uint32Array.of(0)),
      (s) => s.unrefPage(0),
      (s) => s.unrefPages(Uint32Array.of(0)),
      (s) => s.refCount(0),
      (s) => s.getPage(0),
    ]
    for (const use of uses) expect(errorOf(() => use(store)).code).toBe('ERR_STORE_CLOSED')
    expect(store.pageSize).toBe(pageSize)
  })

  test('closing twice does nothing, not even to a store opened since', () => {
    const store = new PageStore()
    store.close()
    using other = new PageStore()
    store.close()
    store[Symbol.dispose]()
    expect(other.storePage(page(1))).toBe(0)
  })
})

test('methods refuse a receiver that is no PageStore', () => {
  expect(() => PageStore.prototype.storePage.call({} as PageStore, page(1))).toThrow(TypeError)
})

test('PageStoreError is an Error with a code', () => {
  const error = new PageStoreError('ERR_TOKEN', 'text')
  expect(error).toBeInstanceOf(Error)
  expect([error.code, error.message, error.name]).toEqual(['ERR_TOKEN', 'text', 'PageStoreError'])
})
