import { PageStore, Tracee } from 'pagestore'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { trackers } from '../support/local-sources.js'
import { errorOf } from '../support/pages.js'
import { registerOf } from '../support/running.js'
import { build } from '../support/tracees.js'

const program = build('acts.c')
const ofTracees = trackers.filter((each) => each !== 'soft-dirty')

let store: PageStore
let tracee: Tracee
beforeEach(() => {
  store = new PageStore()
  tracee = Tracee.spawn(store, program, ['functions'])
})
afterEach(() => store.close())

const { first, second, result, stopPoint, stack } = registerOf

describe('registers', () => {
  test('have the names that the processor’s manual uses', () => {
    const names = Object.keys(tracee.registers())
    const some =
      process.arch === 'arm64'
        ? ['x0', 'x7', 'x29', 'x30', 'sp', 'pc', 'pstate']
        : ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r15', 'rip', 'eflags', 'fs_base', 'gs_base']
    expect(names).toEqual(expect.arrayContaining(some))
    expect(new Set(names).size).toBe(names.length)
  })

  test('say where it stands: at the first instruction of its own, with the stack that it was given', () => {
    const { [stopPoint]: at, [stack]: top } = tracee.registers()
    expect(at).toBe(tracee.symbol('_start').address)
    const region = tracee.regions.find(({ path }) => path === '[stack]')!
    expect(region.start <= top! && top! < region.end).toBe(true)
    // How many words the command line has.
    expect(tracee.read(top!, 8).readBigUInt64LE()).toBe(2n)
  })

  test('hold the arguments of a function, and can be given others', () => {
    tracee.resume({ until: { symbol: 'add' } })
    const before = tracee.registers()
    expect([before[first], before[second]]).toEqual([20n, 3n])
    tracee.setRegisters({ [first]: 40n, [second]: 30n })
    expect(tracee.registers()).toEqual({ ...before, [first]: 40n, [second]: 30n })
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 4 + 70 })
  })

  test('change what a function returns, and where it goes on', () => {
    tracee.resume({ until: { symbol: 'count_one' } })
    // From its first instruction back to whoever called it.
    if (process.arch === 'arm64') {
      tracee.setRegisters({ pc: tracee.registers()['x30']! })
    } else {
      const { rsp } = tracee.registers()
      tracee.setRegisters({ rsp: rsp! + 8n, rip: tracee.read(rsp!, 8).readBigUInt64LE() })
    }
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 3 + 23 })
  })

  test('change what a system call says', () => {
    const other = Tracee.spawn(store, program, ['block'])
    const until = { syscall: ['read'] }
    expect(other.resume({ until })).toMatchObject({ entering: true })
    expect(other.resume({ until })).toMatchObject({ entering: false })
    expect(other.registers()[result]).toBe(0n)
    other.setRegisters({ [result]: 1n })
    expect(other.resume()).toMatchObject({ kind: 'exit', code: 0 })
    other.close()
  })

  test('may be given with a sign', () => {
    tracee.resume({ until: { symbol: 'add' } })
    tracee.setRegisters({ [first]: -1n })
    expect(tracee.registers()[first]).toBe(2n ** 64n - 1n)
    expect(tracee.resume()).toMatchObject({ code: 4 + 2 })
  })

  test('are those of the thread that is named', () => {
    const other = Tracee.spawn(store, program, ['thread'])
    const { newTid } = other.resume() as { newTid: number }
    expect(other.registers(newTid)[stack]).not.toBe(other.registers(other.pid)[stack])
    expect(other.registers(0)).toEqual(other.registers(other.pid))
    // The child of clone sees 0 as its result.
    expect(other.registers(newTid)[result]).toBe(0n)
    expect(other.registers()[result]).toBe(BigInt(newTid))
    other.resume({ tid: newTid, until: { symbol: 'count_in_thread' } })
    expect(other.registers()[stopPoint]).toBe(other.symbol('count_in_thread').address)
    expect(other.registers(other.pid)[stopPoint]).not.toBe(other.registers()[stopPoint])
    other.close()
  })

  test('are rolled back', () => {
    using start = tracee.capture()
    const before = tracee.registers()
    tracee.resume({ until: { symbol: 'add' } })
    tracee.restore(start)
    expect(tracee.registers()).toEqual(before)
    tracee.setRegisters({ [first]: 12345n })
    tracee.restore(start)
    expect(tracee.registers()).toEqual(before)
  })
})

describe('memory', () => {
  test('is read and written where it lies', () => {
    const { address, size } = tracee.symbol('variable')
    expect(size).toBe(4)
    expect(tracee.read(address, 4).readInt32LE()).toBe(5)
    tracee.write(address, Uint8Array.of(6, 1, 0, 0))
    expect(tracee.read(address, 4).readInt32LE()).toBe(262)
  })

  test('that the program may not write itself is written, too', () => {
    const other = Tracee.spawn(store, program, ['memory'])
    const { address, size } = other.symbol('constant')
    const region = other.regions.find(({ start, end }) => start <= address && address < end)!
    expect(region.permissions).toBe('r--p')
    expect(other.read(address, size).toString()).toBe('read-only memory')
    other.write(address, Buffer.from('R'))
    other.write(other.symbol('variable').address, Uint8Array.of(9))
    expect(other.read(address, size).toString()).toBe('Read-only memory')
    expect(other.resume()).toMatchObject({ kind: 'exit', code: 'R'.charCodeAt(0) + 9 })
    other.close()
  })

  describe.each(ofTracees)('tracker %s', (tracker) => {
    test.each(['variable', 'constant', 'add'])('that we write shows in a snapshot, and is rolled back: %s', (name) => {
      const other = Tracee.spawn(store, program, ['functions'], { tracker })
      const { address } = other.symbol(name)
      using before = other.capture()
      const bytes = other.read(address, 4)
      other.write(address, Uint8Array.of(1, 2, 3, 4))
      using written = other.capture()
      expect(written.read(address, 4)).toEqual(Buffer.of(1, 2, 3, 4))
      expect(written.equals(before)).toBe(false)
      expect(written.diff(before)).toHaveLength(1)
      other.restore(before)
      expect(other.read(address, 4)).toEqual(bytes)
      other.restore(written)
      expect(other.read(address, 4)).toEqual(Buffer.of(1, 2, 3, 4))
    })
  })

  test('is written over several pages at any address', () => {
    const { start, end } = tracee.regions.find(({ path }) => path === '[stack]')!
    const length = Number(end - start) - 5
    const bytes = Buffer.from(Array.from({ length }, (_, i) => i % 251))
    tracee.write(start + 3n, bytes)
    expect(tracee.read(start + 3n, length).equals(bytes)).toBe(true)
  })
})

describe('symbols', () => {
  test('of the program lie in it', () => {
    for (const name of ['main', 'add', 'variable']) {
      const { address } = tracee.symbol(name)
      const region = tracee.regions.find(({ start, end }) => start <= address && address < end)!
      expect(region.path).toBe(program)
    }
    expect(tracee.symbol('constant')).toMatchObject({ size: 16 })
  })

  test('of the C library lie there', () => {
    for (const name of ['malloc', 'printf', 'getpid']) {
      const { address } = tracee.symbol(name)
      const region = tracee.regions.find(({ start, end }) => start <= address && address < end)!
      expect(region.path).toMatch(/libc/)
    }
  })

  test('that there are not are ERR_SYMBOL, also as a breakpoint', () => {
    for (const use of [
      () => tracee.symbol('there_is_none'),
      () => tracee.symbol(''),
      () => tracee.resume({ until: { symbol: 'there_is_none' } }),
    ]) {
      expect(errorOf(use).code).toBe('ERR_SYMBOL')
    }
    expect(errorOf(() => tracee.symbol('there_is_none')).message).toContain('there_is_none')
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 27 })
  })
})
