import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'

import { describe, expect, test } from 'vitest'

import { signalName, signalNumber } from '../../lib/linux/signals.js'
import { systemCallName, systemCallNumber } from '../../lib/linux/system-calls.js'

/** What the C preprocessor makes of the numbers of system calls. */
function definedIn(source: string): Map<number, string> {
  const text = execFileSync('cc', ['-E', '-dM', '-'], { input: source, encoding: 'utf8' })
  const macros = new Map([...text.matchAll(/^#define (__NR\w*) (\w+)$/gm)].map(([, name, value]) => [name!, value!]))
  const calls = new Map<number, string>()
  for (let [name, value] of macros) {
    if (!name.startsWith('__NR_') || name === '__NR_syscalls' || name === '__NR_arch_specific_syscall') continue
    while (macros.has(value)) value = macros.get(value)!
    calls.set(Number(value), name.replace('__NR_', ''))
  }
  return calls
}

const newest = 470

function expectAll(calls: Map<number, string>, arch?: string): void {
  expect(calls.size).toBeGreaterThan(250)
  for (const [number, name] of calls) {
    if (number > newest) continue
    expect(systemCallName(number, arch)).toBe(name)
    expect(systemCallNumber(name, arch)).toBe(number)
  }
}

describe('system calls', () => {
  test('are those that this machine’s C compiler knows', () => {
    expectAll(definedIn('#include <asm/unistd.h>'))
  })

  const generic = '/usr/include/asm-generic/unistd.h'
  test.skipIf(!existsSync(generic))('of arm64 are the generic ones', () => {
    const wanted = ['RENAMEAT', 'NEW_STAT', 'SET_GET_RLIMIT', 'TIME32_SYSCALLS', 'SYS_CLONE3', 'MEMFD_SECRET']
    const source = `
#include <asm/bitsperlong.h>
${wanted.map((name) => `#define __ARCH_WANT_${name}`).join('\n')}
${readFileSync(generic, 'utf8')}`
    expectAll(definedIn(source), 'arm64')
  })

  test.each([
    ['x64', 0, 'read'],
    ['x64', 231, 'exit_group'],
    ['x64', 335, 'uretprobe'],
    ['arm64', 63, 'read'],
    ['arm64', 79, 'newfstatat'],
    ['arm64', 260, 'wait4'],
    ['x64', 462, 'mseal'],
    ['arm64', 462, 'mseal'],
    ['x64', 450, 'set_mempolicy_home_node'],
    ['arm64', newest, 'listns'],
  ])('on %s, %i is %s', (arch, number, name) => {
    expect(systemCallName(number, arch)).toBe(name)
    expect(systemCallNumber(name, arch)).toBe(number)
  })

  test.each([
    ['x64', 400],
    ['arm64', 244],
    ['x64', 5000],
    ['mips', 1],
  ])('on %s, %i has only its number for a name', (arch, number) => {
    expect(systemCallName(number, arch)).toBe(`syscall_${number}`)
    expect(systemCallNumber(`syscall_${number}`, arch)).toBe(number)
  })

  test('of one architecture are not those of the other', () => {
    expect(systemCallNumber('open', 'arm64')).toBeUndefined()
    expect(systemCallNumber('open', 'x64')).toBe(2)
  })

  test.each(['', 'Read', '424', 'syscall_', 'syscall_x', 'constructor'])('%j is none', (name) => {
    expect(systemCallNumber(name)).toBeUndefined()
  })
})

describe('signals', () => {
  test('have the numbers that the system has for them', () => {
    for (const [name, number] of Object.entries(constants.signals)) expect(signalNumber(name)).toBe(number)
  })

  test.each([
    [6, 'SIGABRT'],
    [11, 'SIGSEGV'],
    [29, 'SIGIO'],
    [32, 'SIG32'],
    [34, 'SIGRTMIN'],
    [35, 'SIGRTMIN+1'],
    [64, 'SIGRTMIN+30'],
  ])('%i is %s', (number, name) => {
    expect(signalName(number)).toBe(name)
  })

  test('go to their names and back', () => {
    for (let number = 1; number <= 64; number++) expect(signalNumber(signalName(number))).toBe(number)
    expect(new Set(Array.from({ length: 64 }, (_, i) => signalName(i + 1))).size).toBe(64)
  })

  test('may be counted from the last', () => {
    expect(signalNumber('SIGRTMAX')).toBe(64)
    expect(signalNumber('SIGRTMAX-30')).toBe(34)
    expect(signalNumber('SIGRTMIN+0')).toBe(34)
  })

  test.each(['', 'TERM', 'sigterm', 'SIG0', 'SIG65', 'SIGRTMIN+31', 'SIGRTMAX-31', 'SIGRTMIN-1', 'constructor'])(
    '%j is none',
    (name) => {
      expect(signalNumber(name)).toBeUndefined()
    },
  )
})
