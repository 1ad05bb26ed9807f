import { inspect } from 'node:util'

import { PageStore, pageSize, type ResumeOptions, type SpawnOptions, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { store } from '../support/emptied-store.js'
import { errorOf } from '../support/pages.js'
import { registerOf } from '../support/running.js'
import { build } from '../support/tracees.js'

const program = build('acts.c')

function start(act: string, options?: SpawnOptions): Tracee {
  return Tracee.spawn(store, program, [act], { stdio: [], ...options })
}

function codeOf(action: () => unknown): string {
  return errorOf(action).code
}

describe('an answer to a choice', () => {
  test.each<[string, ResumeOptions, RegExp]>([
    ['that is missing', {}, /waits for a choice among 3/],
    ['that is too large', { choose: 3 }, /3 was chosen among 3/],
    ['that is negative', { choose: -1 }, /-1 is no alternative/],
    ['that is no whole number', { choose: 0.5 }, /0.5 is no alternative/],
    ['that is no number at all', { choose: Number.NaN }, /NaN is no alternative/],
    ['that is beyond all numbers', { choose: Infinity }, /Infinity is no alternative/],
    ['that is huge', { choose: 2 ** 40 }, /1099511627776 was chosen among 3/],
  ])('%s is ERR_CHOICE, and it still waits', (_, options, message) => {
    using tracee = start('choices')
    tracee.resume()
    const error = errorOf(() => tracee.resume(options))
    expect(error.code).toBe('ERR_CHOICE')
    expect(error.message).toMatch(message)
    expect(tracee.resume({ choose: 1 }).kind).toBe('assertion')
  })

  test('that nobody waits for is ERR_CHOICE, and nothing has happened', () => {
    using tracee = start('choices')
    const before = tracee.registers()
    const error = errorOf(() => tracee.resume({ choose: 0 }))
    expect(error.code).toBe('ERR_CHOICE')
    expect(error.message).toMatch(/waits at no choice/)
    expect(tracee.registers()).toEqual(before)
    expect(tracee.resume()).toMatchObject({ kind: 'choice', alternatives: 3 })
  })

  test('where there is no alternative is ERR_CHOICE', () => {
    using tracee = start('choices')
    tracee.resume()
    expect(tracee.resume({ choose: 2 })).toMatchObject({ alternatives: 0 })
    for (const options of [{}, { choose: 0 }, { choose: 1 }, { timeout: 1 }]) {
      expect(codeOf(() => tracee.resume(options))).toBe('ERR_CHOICE')
    }
  })
})

describe('what is not of the kind that a parameter takes is ERR_ARGUMENT_TYPE', () => {
  const noObjects = [null, 1, 'text', true, 1n] as never[]

  test('of spawn', () => {
    const spawn = (file: unknown, args: unknown = [], options: unknown = {}) =>
      codeOf(() => Tracee.spawn(store, file as string, args as string[], options as SpawnOptions))
    for (const file of [undefined, null, 1, '', {}, ['/bin/true'], '/bin/tr\0ue']) {
      expect(spawn(file)).toBe('ERR_ARGUMENT_TYPE')
    }
    for (const args of [null, 'text', {}, 1, [1], [null], [undefined], ['a\0b'], [['a']]]) {
      expect(spawn('/bin/true', args)).toBe('ERR_ARGUMENT_TYPE')
    }
    for (const options of noObjects) expect(spawn('/bin/true', [], options)).toBe('ERR_ARGUMENT_TYPE')
    for (const options of [
      { env: null },
      { env: 'text' },
      { env: { A: 'a\0b' } },
      { cwd: 1 },
      { cwd: null },
      { cwd: '/\0' },
      { stdio: 'inherit' },
      { stdio: null },
      { stdio: ['pipe'] },
      { stdio: [-1] },
      { stdio: [0.5] },
      { stdio: [2 ** 32] },
      { stdio: [null, {}] },
      { stdio: [Symbol('a')] },
      { stdio: [0, 1, 2, 3] },
      { deterministic: null },
      { deterministic: 'yes' },
      { tracker: 'magic' },
      { tracker: 1 },
    ]) {
      expect(spawn('/bin/true', [], options)).toBe('ERR_ARGUMENT_TYPE')
    }
    for (const wrong of [undefined, null, {}, 1, Object.create(PageStore.prototype)] as never[]) {
      expect(codeOf(() => Tracee.spawn(wrong, '/bin/true'))).toBe('ERR_ARGUMENT_TYPE')
    }
  })

  test('of attach', () => {
    for (const pid of [undefined, null, '1', 0, -1, 0.5, Number.NaN, 2 ** 31, 1n] as never[]) {
      expect(codeOf(() => Tracee.attach(store, pid))).toBe('ERR_ARGUMENT_TYPE')
    }
    for (const options of noObjects) {
      expect(codeOf(() => Tracee.attach(store, process.pid, options))).toBe('ERR_ARGUMENT_TYPE')
    }
    expect(codeOf(() => Tracee.attach(store, 1, { tracker: 'magic' as never }))).toBe('ERR_ARGUMENT_TYPE')
    expect(codeOf(() => Tracee.attach({} as never, 1))).toBe('ERR_ARGUMENT_TYPE')
  })

  test('of resume', () => {
    using tracee = start('choices')
    for (const options of noObjects) expect(codeOf(() => tracee.resume(options))).toBe('ERR_ARGUMENT_TYPE')
    for (const options of [
      { choose: '0' },
      { choose: 0n },
      { choose: null },
      { tid: '1' },
      { tid: -1 },
      { tid: 0.5 },
      { tid: 2 ** 32 },
      { tid: Number.NaN },
      { tid: null },
      { timeout: '1' },
      { timeout: -1 },
      { timeout: 0.5 },
      { timeout: Infinity },
      { timeout: null },
      { signal: 'SIGNOTHING' },
      { signal: 9 },
      { signal: '' },
      { signal: null },
      { until: null },
      { until: 'syscall' },
      { until: { syscall: 'read' } },
      { until: { syscall: false } },
      { until: { syscall: ['reed'] } },
      { until: { syscall: [0] } },
      { until: { syscall: ['syscall_5000'] } },
      { until: { address: 4096 } },
      { until: { address: '0x1000' } },
      { until: { symbol: 1 } },
      { until: { symbol: null } },
    ]) {
      expect(
        codeOf(() => tracee.resume(options as ResumeOptions)),
        inspect(options),
      ).toBe('ERR_ARGUMENT_TYPE')
    }
    expect(tracee.resume()).toMatchObject({ kind: 'choice', alternatives: 3 })
  })

  test('of everything else', () => {
    using tracee = start('functions')
    const { address } = tracee.symbol('variable')
    const wrong = tracee as unknown as Record<string, (...values: unknown[]) => unknown>
    for (const use of [
      () => wrong['read']!(1, 1),
      () => wrong['read']!(address, '1'),
      () => wrong['read']!(address, 1n),
      () => wrong['write']!(1, Buffer.alloc(1)),
      () => wrong['write']!(address, [1]),
      () => wrong['write']!(address, 'text'),
      () => wrong['write']!(address, new Uint16Array(1)),
      () => wrong['registers']!('1'),
      () => wrong['registers']!(0.5),
      () => wrong['registers']!(null),
      () => wrong['setRegisters']!(null),
      () => wrong['setRegisters']!('rax'),
      () => wrong['setRegisters']!({ [registerOf.result]: 1 }),
      () => wrong['setRegisters']!({ [registerOf.result]: 2n ** 64n }),
      () => wrong['setRegisters']!({ [registerOf.result]: -(2n ** 63n) - 1n }),
      () => wrong['setRegisters']!({ nothing: 1n }),
      () => wrong['setRegisters']!({}, '1'),
      () => wrong['symbol']!(1),
      () => wrong['symbol']!(undefined),
      () => wrong['ignore']!(1, 1),
      () => wrong['track']!(address, '1'),
      () => wrong['restore']!(undefined),
      () => wrong['restore']!({}),
      () => wrong['restore']!(1),
    ]) {
      expect(codeOf(use), use.toString()).toBe('ERR_ARGUMENT_TYPE')
    }
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 27 })
  })
})

describe('addresses', () => {
  test('where there is nothing are ERR_ADDRESS', () => {
    using tracee = start('functions')
    const { end } = tracee.regions.find(({ path }) => path === '[stack]')!
    const bad: [bigint, number][] = [
      [0n, 1],
      [4096n, 1],
      [end, 1],
      [end - 4n, 8],
      [2n ** 47n, 8],
      [2n ** 63n, 1],
      [2n ** 64n - 1n, 1],
      [2n ** 64n - 1n, 2],
      [2n ** 64n, 1],
      [-1n, 1],
    ]
    for (const [address, length] of bad) {
      expect(codeOf(() => tracee.read(address, length))).toBe('ERR_ADDRESS')
      expect(codeOf(() => tracee.write(address, Buffer.alloc(length)))).toBe('ERR_ADDRESS')
      if (address !== end - 4n) {
        expect(codeOf(() => tracee.resume({ until: { address } }))).toBe('ERR_ADDRESS')
      }
    }
    const { address } = tracee.symbol('variable')
    for (const length of [0, -1, 0.5, Number.NaN, 2 ** 53]) {
      expect(codeOf(() => tracee.read(address, length))).toBe('ERR_ADDRESS')
    }
    expect(codeOf(() => tracee.write(address, Buffer.alloc(0)))).toBe('ERR_ADDRESS')
    for (const method of ['ignore', 'track'] as const) {
      expect(codeOf(() => tracee[method](0n, 0))).toBe('ERR_ADDRESS')
      expect(codeOf(() => tracee[method](2n ** 64n - 1n, 2))).toBe('ERR_ADDRESS')
    }
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 27 })
  })

  test('of more than there is memory for are ERR_OUT_OF_MEMORY', () => {
    using tracee = start('functions')
    expect(['ERR_OUT_OF_MEMORY', 'ERR_ADDRESS']).toContain(codeOf(() => tracee.read(4096n, 2 ** 52)))
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 27 })
  })
})

describe('trackers', () => {
  test('that do not serve a tracee are ERR_TRACKER, and nothing was started', () => {
    expect(codeOf(() => start('functions', { tracker: 'soft-dirty' }))).toBe('ERR_TRACKER')
    using tracee = start('functions', { tracker: 'none' })
    expect(tracee.tracker).toBe('none')
    using before = tracee.capture()
    tracee.resume({ until: { symbol: 'add' } })
    tracee.restore(before)
    expect(tracee.resume()).toMatchObject({ code: 27 })
  })
})

describe('a store that is full', () => {
  function pagesNeeded(): number {
    using tracee = start('functions')
    using snapshot = tracee.capture()
    return Math.max(store.size, snapshot.pageCount)
  }

  test('refuses a capture, all or nothing, and goes on when there is room', () => {
    using small = new PageStore({ maxPages: pagesNeeded() + 25 })
    const tracee = Tracee.spawn(small, program, ['functions'])
    const first = tracee.capture()
    const { start } = tracee.regions.find(({ path }) => path === '[stack]')!
    const full = Buffer.alloc(20 * pageSize)
    for (let page = 0; page < 20; page++) full.fill(page + 1, page * pageSize, (page + 1) * pageSize)
    // Pages of our own take the room that is left.
    let taken = 0
    const mine: number[] = []
    try {
      for (;;) mine.push(small.storePage(Buffer.alloc(pageSize, `${taken++} of our own`)))
    } catch (error) {
      expect((error as { code: string }).code).toBe('ERR_OUT_OF_MEMORY')
    }
    tracee.write(start, full)
    const before = small.stats()
    for (let i = 0; i < 3; i++) expect(codeOf(() => tracee.capture())).toBe('ERR_OUT_OF_MEMORY')
    const { pages, references, tables } = small.stats()
    expect({ pages, references, tables }).toEqual({
      pages: before.pages,
      references: before.references,
      tables: before.tables,
    })
    expect(tracee.read(start, full.length).equals(full)).toBe(true)

    small.unrefPages(Uint32Array.from(mine))
    const second = tracee.capture()
    expect(second.read(start, full.length).equals(full)).toBe(true)
    tracee.restore(first)
    expect(tracee.read(start, full.length).equals(first.read(start, full.length))).toBe(true)
    expect(tracee.resume()).toMatchObject({ code: 27 })
    tracee.restore(second)
    expect(tracee.read(start, full.length).equals(full)).toBe(true)
    for (const each of [first, second]) each.release()
    tracee.close()
    expect(small.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
  })

  test('refuses the first capture, too', () => {
    using tiny = new PageStore({ maxPages: 3 })
    const tracee = Tracee.spawn(tiny, program, ['functions'])
    for (let i = 0; i < 3; i++) expect(codeOf(() => tracee.capture())).toBe('ERR_OUT_OF_MEMORY')
    expect(tiny.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
    expect(tracee.resume()).toMatchObject({ code: 27 })
    tracee.close()
  })
})
