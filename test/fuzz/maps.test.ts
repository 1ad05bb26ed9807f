/** What the kernel lists of a process has names in it that others chose: they are never taken for more. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

import fc from 'fast-check'
import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { listedMappings } from '../../lib/linux/listed-mappings.js'
import { filesOf } from '../../lib/linux/process-files.js'
import { signalSets, statusFields } from '../../lib/linux/process-status.js'
import { sharedMappings } from '../../lib/linux/shared-mappings.js'
import { compile, ownFolder } from '../support/programs.js'
import { rounded } from '../support/rounds.js'
import { includes } from '../support/tracees.js'

const folder = ownFolder()
const hex = fc.bigInt(0n, 2n ** 64n - 1n)
const character = fc.oneof(
  fc.constantFrom('\r', '\u2028', '\u2029', '\x85', ' ', ':', '-', '\\', '0', '\t', '/'),
  fc.string({ unit: 'binary', maxLength: 1 }).filter((each) => each !== '\n'),
)
const text = fc.array(character, { maxLength: 60 }).map((each) => each.join(''))
const mapping = fc.record({
  start: hex,
  end: hex,
  permissions: fc.constantFrom('r--p', 'rw-s', 'r-xp', '---s'),
  offset: hex,
  identity: fc.tuple(fc.nat(4095), fc.nat(2 ** 20), hex).map(([major, minor, inode]) => {
    return `${major.toString(16).padStart(2, '0')}:${minor.toString(16).padStart(2, '0')} ${inode}`
  }),
  path: fc.oneof(
    fc.constant(''),
    text.map((each) => `/${each.replaceAll('\\012', '')}`),
    text.map((each) => `/\n${each.replaceAll('\\012', '')}\n`),
    fc.integer({ min: 1, max: 200_000 }).map((length) => `/${'x'.repeat(length)}`),
  ),
})
const junk = fc.oneof(text, fc.constantFrom('', 'VmFlags: rd sh', '1-2 rw-s', '1-2 rw-s 0 0:0', 'x-2 rw-s 0 0:0 1 /a'))

test('mappings are those that are listed, whatever their paths are', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(mapping, junk), { maxLength: 12 }), (lines) => {
      const listed = lines.map((line) => {
        if (typeof line === 'string') return line
        const { start, end, permissions, offset, identity, path } = line
        const head = `${start.toString(16)}-${end.toString(16)} ${permissions} ${offset.toString(16)} ${identity}`
        return `${head}${' '.repeat(20)}${path.replaceAll('\n', '\\012')}`
      })
      const mappings = lines.filter((line) => typeof line !== 'string').map(({ offset: _, ...line }) => line)
      expect(listedMappings(listed.join('\n'))).toEqual(mappings)
    }),
    rounded(500, 20),
  )
})

test('fields of a status are those of its lines, whatever the name is', () => {
  fc.assert(
    fc.property(text, text, (name, other) => {
      const fields = statusFields(`Name:\t${name}\nSigIgn:\t12\n${other}\nSigCgt:\tab\n`)
      expect([fields.get('SigIgn'), fields.get('SigCgt')]).toEqual(['12', 'ab'])
    }),
    rounded(500, 20),
  )
})

test('a process that calls itself, and a file, by lines of the kernel’s is told apart from them', () => {
  const file = join(folder, 'a\r10000-20000 rw-s 00000000 00:00 7 \u2028b\nc')
  const inC = [...Buffer.from(file)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
  const program = compile(
    folder,
    'forger',
    `#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/prctl.h>
#include "pagestore.h"
int main(void) {
  prctl(PR_SET_NAME, "\\rSigCgt:\\tffffff");
  int fd = open("${inC}", O_RDWR | O_CREAT, 0600);
  if (ftruncate(fd, 4096) != 0 || mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED) return 1;
  if (ps_choose(2)) *(volatile int *)8 = 1;
  return 0;
}`,
    ...includes,
  )
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, [], { stdio: [], onWarning: () => {} })
  tracee.resume()
  expect(execFileSync('cat', [`/proc/${tracee.pid}/comm`], { encoding: 'utf8' })).toBe('\rSigCgt:\tffffff\n')
  expect(tracee.handlesSignal('SIGSEGV')).toBe(false)
  expect(signalSets(tracee.pid).caught).toBe(0n)
  const shared = sharedMappings(tracee.pid).filter(({ path }) => path.startsWith('/'))
  expect(shared.map(({ path }) => Buffer.from(path, 'latin1').toString())).toEqual([file])
  const mapped = [{ path: file, start: 0n, end: 4096n, permissions: 'rw-s', offset: 0n }]
  expect(filesOf(tracee.pid)(mapped)).toBeDefined()
})
