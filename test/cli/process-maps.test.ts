import { describe, expect, it } from 'vitest'

import { isPrivateMemory, parseMaps } from '../../lib/cli/process-maps.js'

const one = (text: string) => parseMaps(text)[0]
const withPath = (path: string) =>
  `7f0000000000-7f0000001000 r--p 00000000 fe:00 42                             ${path}\n`

describe('the regions of a process', () => {
  it('are read with addresses, permissions, offset and path', () => {
    expect(
      parseMaps(`00400000-00b6f000 r-xp 0076f000 fe:00 260689                             /usr/bin/node\n`),
    ).toEqual([{ start: 0x400000n, end: 0xb6f000n, permissions: 'r-xp', offset: 0x76f000n, path: '/usr/bin/node' }])
  })

  it('have an empty path where nothing lies behind them', () => {
    expect(one('1c9aef380000-1c9aef3c0000 rw-p 00000000 00:00 0 \n')?.path).toBe('')
  })

  it('keep addresses whole that no double can hold', () => {
    const region = one('ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n')
    expect(region?.start).toBe(0xffffffffff600000n)
  })

  it.each([
    ['spaces', '/tmp/a  b c'],
    ['a trailing space', '/tmp/a '],
    ['a file that is gone', '/tmp/lib.so (deleted)'],
    ['a carriage return and other odd line ends', '/tmp/a\rb\u2028c'],
    ['what looks like a mapping', '/tmp/00400000-00b6f000 r-xp 00000000 fe:00 1'],
  ])('keep a path with %s', (_, path) => {
    expect(one(withPath(path))?.path).toBe(path)
  })

  it('undo the kernel writing a line feed in a path as \\012', () => {
    expect(one(withPath('/tmp/a\\012b'))?.path).toBe('/tmp/a\nb')
  })

  it('are none for a process without memory', () => {
    expect(parseMaps('')).toEqual([])
  })
})

describe('private memory', () => {
  const isPrivate = (permissions: string, path: string) =>
    isPrivateMemory({ start: 0n, end: 0x1000n, permissions, offset: 0n, path })

  it.each([
    '',
    '[heap]',
    '[stack]',
    '[anon:arena]',
    '/usr/lib/libc.so.6',
    '/tmp/x (deleted)',
    '/dev/shm/x',
    '/dev/zero',
  ])('is a readable private mapping of "%s"', (path) => {
    expect(isPrivate('r--p', path)).toBe(true)
    expect(isPrivate('rwxp', path)).toBe(true)
  })

  it('is nothing shared, and nothing unreadable', () => {
    expect(isPrivate('rw-s', '/tmp/x')).toBe(false)
    expect(isPrivate('---p', '')).toBe(false)
    expect(isPrivate('-w-p', '')).toBe(false)
  })

  it.each(['[vvar]', '[vvar_vclock]', '[vdso]', '[vsyscall]', '/dev/dri/card0', '/dev/mem', 'anon_inode:[io_uring]'])(
    'is not what the kernel or a device lends as "%s"',
    (path) => expect(isPrivate('r--p', path)).toBe(false),
  )
})
