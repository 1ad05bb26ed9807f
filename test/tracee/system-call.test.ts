import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { stopPointIn, systemCallIn } from '../../lib/linux/registers.js'
import { build } from '../support/tracees.js'

const acts = build('acts.c')
const nothing = () => Buffer.alloc(0)

test('a tracee says which system call it is in, and none while it computes', () => {
  using store = new PageStore()
  using blocked = Tracee.spawn(store, acts, ['block'], { stdio: ['ignore', 'ignore', 'ignore'] })
  expect(blocked.resume({ until: { syscall: ['read'] } })).toMatchObject({ kind: 'syscall', entering: true })
  expect(blocked.systemCall()).toMatchObject({ name: 'read' })
  expect(blocked.systemCall(blocked.pid)?.args.slice(0, 1)).toEqual([0n])
  using spinning = Tracee.spawn(store, acts, ['spin'])
  expect(spinning.resume({ timeout: 50 }).kind).toBe('timeout')
  expect(spinning.systemCall()).toBe(undefined)
  expect(spinning.regions.some(({ start, end }) => start <= spinning.stopPoint() && spinning.stopPoint() < end)).toBe(
    true,
  )
  expect(spinning.handlesSignal('SIGSEGV')).toBe(false)
})

test('on arm64 the call that comes next is known by its instruction', () => {
  const registers = { pc: 64n, syscall: 2n ** 64n - 1n, x8: 63n, x0: 3n, x1: 4n }
  const svc = () => Buffer.from([0x01, 0x00, 0x00, 0xd4])
  expect(stopPointIn(registers, 'arm64')).toBe(64n)
  expect(systemCallIn(registers, svc, 'arm64')).toEqual({ name: 'read', args: [3n, 4n, 0n, 0n, 0n, 0n] })
  expect(systemCallIn(registers, nothing, 'arm64')).toBe(undefined)
  expect(systemCallIn({ ...registers, syscall: 64n }, nothing, 'arm64')?.name).toBe('write')
})

test('on arm64 the first argument of a call that was interrupted is apart from its result', () => {
  const registers = { pc: 68n, syscall: 63n, x8: 63n, x0: 2n ** 64n - 512n, x1: 4n, orig_x0: 3n }
  expect(systemCallIn(registers, nothing, 'arm64')).toEqual({ name: 'read', args: [3n, 4n, 0n, 0n, 0n, 0n] })
  expect(systemCallIn({ ...registers, x0: 5n }, nothing, 'arm64')?.args[0]).toBe(5n)
})
