import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

import { PageStore, type SpawnOptions, Tracee } from 'pagestore'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errorOf } from '../support/pages.js'
import { openPipe } from '../support/pipes.js'
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
  const start = (args: string[], options: SpawnOptions = {}) => {
    tracee = Tracee.spawn(store, program, args, { detachable, ...options })
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

  test('at the call that it was interrupted in, which it makes again, also after a capture', () => {
    using pipe = openPipe()
    const tracee = start(['block-named'], { stdio: [pipe.input], files: 'ignore', onWarning: () => {} })
    const until = { symbol: 'named_call' }
    expect(tracee.resume({ until }).kind).toBe('breakpoint')
    expect(tracee.resume({ until, timeout: 20 }).kind).toBe('timeout')
    using waiting = tracee.capture()
    for (const byte of [7, 9]) {
      pipe.write(byte)
      expect(tracee.resume({ until })).toMatchObject({ kind: 'breakpoint' })
      expect(tracee.resume({ until })).toMatchObject({ kind: 'exit', code: byte })
      tracee.restore(waiting)
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

test('a breakpoint that is refused leaves a process that was attached to as it was', () => {
  const child = spawn(program, ['spin'], { stdio: 'ignore' })
  const ignored = () => /^SigIgn:\t(.*)$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1]
  const before = ignored()
  tracee = Tracee.attach(store, child.pid!)
  const { code } = errorOf(() => tracee?.resume({ until: { address: 0xffff800000000000n }, timeout: 1000 }))
  expect(['ERR_TRACEE', 'ERR_ADDRESS']).toContain(code)
  expect(ignored()).toBe(before)
  tracee.detach()
  expect(ignored()).toBe(before)
  child.kill('SIGKILL')
})
