import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { type Elf, readElf, readElfFile } from '../../lib/linux/elf.js'
import { compile, isInstalled, ownFolder } from '../support/programs.js'
import { rounded } from '../support/rounds.js'

const folder = ownFolder()

const source = `
#include <stdio.h>
int counter = 7;
char zeroed[1000];
__thread int per_thread = 3;
static int hidden(int x) { return x * counter + zeroed[x]; }
__attribute__((noinline)) int work(int x) { return hidden(x) + per_thread; }
__attribute__((alias("work"))) int also_work(int x);
static int chosen(void) { return 1; }
static void *choose(void) { return chosen; }
int resolved(void) __attribute__((ifunc("choose")));
__asm__(".text\\nlabel: nop\\nnop\\nnop\\n.globl label\\n");
int main(int n, char **_) { return printf("%d", work(n) + resolved()); }`

const program = compile(folder, 'program', source)
const stripped = compile(folder, 'stripped', source, '-s', '-rdynamic')

interface Listed {
  value: bigint
  size: number
  isDefault: boolean
  isLocal: boolean
}

/** What readelf says of the symbols that are somewhere in memory. */
function listed(file: string): Map<string, Listed[]> {
  const text = execFileSync('readelf', ['-sW', file], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  const symbols = new Map<string, Listed[]>()
  // A resolver's type has its name only in files that are marked as GNU's, and stripping loses the mark.
  const line =
    /^ *\d+: ([\da-f]+) +(\d+|0x[\da-f]+) +(?:NOTYPE|OBJECT|FUNC|IFUNC|<OS specific>: 10) +(\w+) +\w+ +(?:\[.*\] +)?\d+ (\S+)/gm
  for (const [, value, size, binding, fullName] of text.matchAll(line)) {
    const [name, version, second] = fullName!.split('@')
    // Marks of an ARM assembler, which name nothing of the program.
    if (/^\$[dx](\.|$)/.test(name!)) continue
    const isDefault = version === undefined || second !== undefined
    const symbol = { value: BigInt(`0x${value}`), size: Number(size), isDefault, isLocal: binding === 'LOCAL' }
    symbols.set(name!, [...(symbols.get(name!) ?? []), symbol])
  }
  return symbols
}

const libc = ['/lib/x86_64-linux-gnu/libc.so.6', '/lib/aarch64-linux-gnu/libc.so.6', '/lib64/libc.so.6']
const files = [
  program,
  stripped,
  compile(folder, 'static', source, '-static'),
  compile(folder, 'not-pie', source, '-no-pie'),
  '/bin/ls',
  '/bin/sh',
  ...libc.filter((path) => existsSync(path)).slice(0, 1),
]

describe.skipIf(!isInstalled('readelf'))('symbols are those that readelf lists', () => {
  test.each(files)('of %s', (file) => {
    const elf = readElfFile(realpathSync(file))
    const symbols = elf.symbols()
    const expected = listed(file)
    expect([...symbols.keys()].sort()).toEqual([...expected.keys()].sort())
    for (const [name, { value, size }] of symbols) {
      const candidates = expected.get(name)!
      const global = candidates.filter(({ isLocal }) => !isLocal)
      const best = (global.length > 0 ? global : candidates).filter(
        ({ isDefault }, _, all) => isDefault || !all.some((other) => other.isDefault),
      )
      expect(best, name).toContainEqual(expect.objectContaining({ value, size }))
    }
  })

  test.each(files)('one by one, in %s', (file) => {
    const elf = readElfFile(realpathSync(file))
    const symbols = [...elf.symbols().values()]
    const step = Math.ceil(symbols.length / 300)
    for (const symbol of symbols.filter((_, i) => i % step === 0)) {
      expect(elf.find(symbol.name)).toEqual(symbol)
      if (symbol.size === 0) continue
      const last = symbol.value + BigInt(symbol.size) - 1n
      const around = elf.around(last)!
      expect(around.value).toBeGreaterThanOrEqual(symbol.value)
      expect(around.value + BigInt(around.size)).toBeGreaterThan(last)
    }
  })
})

test('a Buffer reads as its file does', () => {
  expect(readElf(readFileSync(program)).symbols()).toEqual(readElfFile(program).symbols())
})

describe('a symbol', () => {
  const elf = readElfFile(program)

  test('has a kind', () => {
    expect(elf.find('main')?.kind).toBe('function')
    expect(elf.find('counter')).toMatchObject({ kind: 'object', size: 4 })
    expect(elf.find('resolved')?.kind).toBe('resolver')
    expect(elf.find('label')).toMatchObject({ kind: 'unknown', size: 0 })
  })

  test('may be static', () => {
    expect(elf.find('chosen')?.kind).toBe('function')
  })

  test.each(['', 'printf', 'per_thread', 'mai', 'ain', 'main@', 'main\0', 'program.c', '.text'])(
    'is not %j',
    (name) => {
      expect(elf.find(name)).toBeUndefined()
    },
  )

  test('is told from an address in it', () => {
    const { value, size } = elf.find('main')!
    for (const address of [value, value + 1n, value + BigInt(size) - 1n]) expect(elf.around(address)?.name).toBe('main')
    expect(elf.around(elf.find('zeroed')!.value + 999n)?.name).toBe('zeroed')
  })

  test('has the shortest of several names', () => {
    const { value } = elf.find('also_work')!
    expect(value).toBe(elf.find('work')!.value)
    expect(elf.around(value)?.name).toBe('work')
  })

  test('reaches to the next where assembly has no sizes', () => {
    const { value } = elf.find('label')!
    expect(elf.around(value + 2n)?.name).toBe('label')
    expect(elf.around(0n)).toBeUndefined()
    expect(elf.around(2n ** 64n - 1n)).toBeUndefined()
  })
})

test('a stripped program has what it exports', () => {
  const elf = readElfFile(stripped)
  expect(elf.find('work')?.size).toBe(readElfFile(program).find('work')?.size)
  expect(elf.find('chosen')).toBeUndefined()
})

describe('what cannot be read', () => {
  const good = readFileSync(program)

  function changed(change: (file: Buffer) => void): Buffer {
    const file = Buffer.from(good)
    change(file)
    return file
  }

  test.each([
    ['empty', Buffer.alloc(0), 'header beyond its end'],
    ['a script', Buffer.from('#!/bin/sh\n'.repeat(10)), 'other format'],
    ['32-bit', changed((file) => file.writeUInt8(1, 4)), 'not 64-bit little-endian'],
    ['big-endian', changed((file) => file.writeUInt8(2, 5)), 'not 64-bit little-endian'],
    ['an object file', changed((file) => file.writeUInt16LE(1, 16)), 'neither a program nor a shared library'],
    ['cut', good.subarray(0, -1), 'section headers beyond its end'],
    ['odd', changed((file) => file.writeUInt16LE(55, 54)), 'odd program headers'],
    ['odd, too', changed((file) => file.writeUInt16LE(65, 58)), 'odd section headers'],
  ])('%s', (_, file, message) => {
    expect(() => readElf(file)).toThrow(`no usable ELF file: ${message}`)
  })

  test('what is not there, a folder, and a pipe that nobody writes to', () => {
    expect(() => readElfFile(join(folder, 'nothing'))).toThrow('ENOENT')
    mkdirSync(join(folder, 'folder'))
    expect(() => readElfFile(join(folder, 'folder'))).toThrow('no usable ELF file: not a regular file')
    execFileSync('mkfifo', [join(folder, 'pipe')])
    expect(() => readElfFile(join(folder, 'pipe'))).toThrow('no usable ELF file: not a regular file')
  })

  test('names that overlap without end', () => {
    const sectionsAt = Number(good.readBigUInt64LE(40))
    const headers = Array.from({ length: good.readUInt16LE(60) }, (_, i) => sectionsAt + i * 64)
    const table = headers.find((at) => good.readUInt32LE(at + 4) === 2)!
    const names = headers[good.readUInt32LE(table + 40)]!
    const count = 200_000
    const text = Buffer.alloc(count + 1_000, 'a')
    const entries = Buffer.alloc(count * 24)
    for (let i = 0; i < count; i++) {
      entries.writeUInt32LE(i, i * 24)
      entries.writeUInt16LE(1, i * 24 + 6)
      entries.writeBigUInt64LE(1n, i * 24 + 16)
    }
    const hostile = changed((file) => {
      file.writeBigUInt64LE(BigInt(good.length), table + 24)
      file.writeBigUInt64LE(BigInt(entries.length), table + 32)
      file.writeBigUInt64LE(BigInt(good.length + entries.length), names + 24)
      file.writeBigUInt64LE(BigInt(text.length), names + 32)
    })
    const elf = readElf(Buffer.concat([hostile, entries, text]))
    expect(() => elf.symbols()).toThrow('no usable ELF file: names of symbols overlap')
    expect(elf.around(0n)?.name).toMatch(/^a+$/)
    expect(elf.find('aaaa')).toBeUndefined()
  })
})

describe('a damaged file is read or refused', () => {
  const good = readFileSync(program)
  const sectionsAt = Number(good.readBigUInt64LE(40))
  const anywhere = fc.nat({ max: good.length - 8 })
  // Where a change does most.
  const inHeaders = fc.oneof(fc.nat({ max: 64 + 56 * 13 }), fc.integer({ min: sectionsAt, max: good.length - 8 }))
  const bytes = fc.record({ at: fc.oneof(inHeaders, anywhere), value: fc.nat({ max: 255 }) })
  const words = fc.record({
    at: inHeaders.map((at) => at & ~7),
    value: fc.oneof(fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 64n - 1n, BigInt(good.length)), fc.bigInt(0n, 2n ** 34n)),
  })
  const damage = fc.record({
    bytes: fc.array(bytes, { maxLength: 20 }),
    words: fc.array(words, { maxLength: 4 }),
    length: fc.option(fc.nat({ max: good.length }), { freq: 3 }),
  })

  function use(elf: Elf): void {
    elf.symbols()
    elf.find('main')
    elf.find('work')
    elf.around(elf.entry)
    elf.around(elf.segments[0]?.address ?? 0n)
  }

  function attempt(read: () => Elf): void {
    try {
      use(read())
    } catch (error) {
      expect((error as Error).message).toMatch(/^no usable ELF file: /)
    }
  }

  // A failure tells its seed.
  test('from a Buffer', () => {
    fc.assert(
      fc.property(damage, ({ bytes, words, length }) => {
        const file = Buffer.from(good)
        for (const { at, value } of words) file.writeBigUInt64LE(value, at)
        for (const { at, value } of bytes) file[at] = value
        attempt(() => readElf(file.subarray(0, length ?? file.length)))
      }),
      rounded(3000, 100),
    )
  })

  test('from a file', () => {
    const path = join(folder, 'damaged')
    fc.assert(
      fc.property(damage, ({ words, length }) => {
        const file = Buffer.from(good)
        for (const { at, value } of words) file.writeBigUInt64LE(value, at)
        writeFileSync(path, file.subarray(0, length ?? file.length))
        attempt(() => readElfFile(path))
      }),
      rounded(300, 5),
    )
  })
})

describe('a small file that says that its tables are large', () => {
  const giga = 2 ** 30

  /** A file with holes, of which only headers are stored. */
  function sparse(name: string, sizes: { symbols: number; names: number }): string {
    const path = join(folder, name)
    const base = 2 ** 20
    const file = Buffer.alloc(256 + 64 * 5)
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file)
    file.writeUInt16LE(3, 16)
    file.writeBigUInt64LE(256n, 40)
    file.writeUInt16LE(56, 54)
    file.writeUInt16LE(64, 58)
    file.writeUInt16LE(5, 60)
    const sections = [
      [2, base, sizes.symbols, 2],
      [3, base + giga, sizes.names, 0],
      [11, base + 2 * giga, sizes.symbols, 4],
      [3, base + 3 * giga, sizes.names, 0],
    ] as const
    for (const [i, [type, offset, size, link]] of sections.entries()) {
      const at = 256 + 64 * (i + 1)
      file.writeUInt32LE(type, at + 4)
      file.writeBigUInt64LE(BigInt(offset), at + 24)
      file.writeBigUInt64LE(BigInt(size), at + 32)
      file.writeUInt32LE(link, at + 40)
    }
    writeFileSync(path, file)
    truncateSync(path, base + 4 * giga)
    return path
  }

  test('is refused before memory is taken for them', () => {
    const before = process.memoryUsage().rss
    for (const sizes of [
      { symbols: giga, names: giga },
      { symbols: giga, names: 1000 },
      { symbols: 24, names: giga - 1 },
      { symbols: 2 ** 28, names: 2 ** 28 },
    ]) {
      expect(() => readElfFile(sparse('sparse', sizes))).toThrow(/too large/)
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
  })

  test('can be read where they are no larger than what it could have', () => {
    expect(readElfFile(sparse('small', { symbols: 2400, names: 1000 })).find('main')).toBeUndefined()
  })
})
