import { PageStore, Tracee } from 'pagestore'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { registerOf } from '../support/running.js'
import { build } from '../support/tracees.js'

const program = build('acts.c')

let store: PageStore
let tracee: Tracee | undefined
beforeEach(() => {
  store = new PageStore()
})
afterEach(() => {
  tracee?.close()
  expect(store.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
  store.close()
})

describe.each([false, true])('a program stops at a breakpoint (detachable: %s)', (detachable) => {
  const start = (args: string[]) => {
    tracee = Tracee.spawn(store, program, args, { detachable })
    return tracee
  }

  test.each(['symbol', 'address'] as const)('at a %s, each time', (how) => {
    const tracee = start(['functions'])
    const { address } = tracee.symbol('count_one')
    const code = tracee.read(address, 16)
    const until = how === 'symbol' ? { symbol: 'count_one' } : { address }
    for (let i = 0; i < 4; i++) {
      expect(tracee.resume({ until })).toEqual({ kind: 'breakpoint', tid: tracee.pid, address })
      expect(tracee.registers()[registerOf.stopPoint]).toBe(address)
      expect(tracee.read(tracee.symbol('count').address, 4).readInt32LE()).toBe(i)
      expect(tracee.read(address, 16)).toEqual(code)
    }
    expect(tracee.resume({ until })).toMatchObject({ kind: 'exit', code: 27 })
  })

  test('no more once nobody asks', () => {
    const tracee = start(['functions'])
    expect(tracee.resume({ until: { symbol: 'count_one' } }).kind).toBe('breakpoint')
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 27 })
  })

  test('in the C library', () => {
    const tracee = start(['signals'])
    const { address } = tracee.symbol('raise')
    expect(tracee.resume({ until: { address } })).toMatchObject({ kind: 'breakpoint', address })
  })

  test('as often as it is rolled back', () => {
    const tracee = start(['functions'])
    const until = { symbol: 'add' }
    using first = tracee.capture()
    for (let i = 0; i < 10; i++) {
      expect(tracee.resume({ until }).kind).toBe('breakpoint')
      using there = tracee.capture()
      expect(tracee.resume({ until })).toMatchObject({ kind: 'exit', code: 27 })
      tracee.restore(there)
      expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 27 })
      tracee.restore(first)
    }
  })

  test('that is in a snapshot nowhere', () => {
    const tracee = start(['functions'])
    using before = tracee.capture()
    tracee.resume({ until: { symbol: 'count_one' } })
    using there = tracee.capture()
    const { address } = tracee.symbol('count_one')
    expect(there.read(address, 32)).toEqual(before.read(address, 32))
  })
})
