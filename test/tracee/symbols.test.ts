import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Region } from '../../lib/addon/native.js'
import { findSymbol, nameOf } from '../../lib/linux/symbols.js'
import { compile, isInstalled, ownFolder } from '../support/programs.js'
import { refused } from '../support/refused.js'

const folder = ownFolder()

// Says where things are, and waits.
const source = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
int counter = 7;
const char text[100] = "text";
char zeroed[100000];
__thread int per_thread = 3;
__attribute__((noinline)) int work(int x) { return x * counter + per_thread; }
#ifdef LIBRARY
extern int lib_counter;
extern char lib_zeroed[50000];
int lib_work(int x);
int lib_static(void);
void *lib_address(int which);
#endif
#define SAY(name, size) printf("%s %zx %zu\\n", #name, (size_t)(name), (size_t)(size))
int main(int n, char **arguments) {
  for (int i = 1; i < n; i++) {
    int fd = open(arguments[i], O_RDONLY);
    mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
  }
  SAY(main, 0);
  SAY(&counter, sizeof counter);
  SAY(text, sizeof text);
  SAY(zeroed, sizeof zeroed);
  SAY(work, 0);
#ifdef DYNAMIC
  for (const char **name = (const char *[]){"malloc", "realpath", "printf", "environ", "_exit", NULL}; *name; name++)
    printf("%s %zx 0\\n", *name, (size_t)dlsym(RTLD_DEFAULT, *name));
#else
  SAY(malloc, 0);
  SAY(&environ, sizeof environ);
#endif
#ifdef LIBRARY
  printf("lib_counter %zx 4\\n", (size_t)lib_address(0));
  printf("lib_zeroed %zx 50000\\n", (size_t)lib_address(1));
  printf("lib_work %zx 0\\n", (size_t)lib_address(2));
  printf("lib_static %zx 0\\n", (size_t)lib_address(3));
#endif
  puts("up");
  fflush(stdout);
  return getchar() + work(n);
}`

const librarySource = `
int lib_counter = 8;
char lib_zeroed[50000];
int lib_work(int x) { return x + lib_counter; }
static int lib_static(void) { return lib_counter; }
void *lib_address(int which) {
  switch (which) {
    case 0: return &lib_counter;
    case 1: return lib_zeroed;
    case 2: return lib_work;
    default: return lib_static;
  }
}`

// Code in pages of its own: a linker for arm64 does so on request alone.
const separate = '-Wl,-z,separate-code'
const library = compile(folder, 'libours.so', librarySource, '-shared', '-fPIC', separate)
const withLibrary = [library, '-DLIBRARY', '-DDYNAMIC', `-Wl,-rpath,${folder}`]

interface Running {
  child: ChildProcess
  file: string
  regions: Region[]
  /** What the program itself says. */
  said: Map<string, { address: bigint; size: number }>
}

function regionsOf(pid: number): Region[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').trimEnd().split('\n')
  return lines.map((line) => {
    const [, start, end, permissions, offset, path] = /^(\S+)-(\S+) (\S+) (\S+) \S+ \d+ *(.*)$/.exec(line)!
    const [first, last, from] = [start, end, offset].map((text) => BigInt(`0x${text}`))
    return { start: first!, end: last!, permissions: permissions!, offset: from!, path: path! }
  })
}

async function start(file: string, args: string[] = [], launcher: string[] = []): Promise<Running> {
  const [command, ...rest] = [...launcher, file, ...args]
  const child = spawn(command!, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  const said: Running['said'] = new Map()
  for await (const line of createInterface(child.stdout!)) {
    if (line === 'up') break
    const [name, address, size] = line.split(' ')
    said.set(name!.replace('&', ''), { address: BigInt(`0x${address}`), size: Number(size) })
  }
  return { child, file, said, regions: regionsOf(child.pid!) }
}

async function stop({ child }: Running): Promise<void> {
  const exited = once(child, 'exit')
  child.stdin!.end()
  await exited
}

const kinds: [string, string[]][] = [
  ['position-independent', ['-pie', '-fPIE', '-DDYNAMIC']],
  ['at its own address', ['-no-pie', '-fno-pie', '-DDYNAMIC']],
  ['static', ['-static', '-no-pie', '-fno-pie']],
  ['static and position-independent', ['-static-pie', '-fPIE']],
  ['stripped', ['-pie', '-fPIE', '-DDYNAMIC', '-s', '-rdynamic']],
  ['stripped at its own address', ['-no-pie', '-fno-pie', '-DDYNAMIC', '-s', '-rdynamic']],
  ['in few segments', ['-pie', '-fPIE', '-DDYNAMIC', '-Wl,-z,noseparate-code']],
  ['with a library', ['-pie', '-fPIE', ...withLibrary]],
  ['with a library, at its own address', ['-no-pie', '-fno-pie', ...withLibrary]],
]

describe.each(kinds)('a program that is %s', (name, flags) => {
  let running: Running
  beforeAll(async () => {
    running = await start(compile(folder, name.replace(/\W/g, '-'), source, ...flags))
  })
  afterAll(() => stop(running))

  test('has its symbols where it says', () => {
    const { said, regions } = running
    expect(said.size).toBeGreaterThan(6)
    for (const [name, { address, size }] of said) {
      const found = findSymbol(regions, name)
      expect(found, name).toMatchObject({ address, ...(size > 0 && { size }) })
    }
    expect(findSymbol(regions, 'main')?.file).toBe(running.file)
    expect(findSymbol(regions, 'main')?.size).toBeGreaterThan(50)
  })

  test('has names for its addresses', () => {
    const { said, regions } = running
    for (const [name, { address }] of said) {
      const { size, file } = findSymbol(regions, name)!
      for (const offset of [0, 1, size >> 1, size - 1]) {
        const told = nameOf(regions, address + BigInt(offset))
        expect(told, `${name}+${offset}`).toMatchObject({ offset, file })
        // Which may be another name for the same.
        expect(findSymbol(regions, told!.name)?.address).toBe(address)
      }
    }
    expect(nameOf(regions, said.get('zeroed')!.address + 99_999n)?.name).toBe('zeroed')
    expect(nameOf(regions, said.get('main')!.address + 3n)).toEqual({ name: 'main', offset: 3, file: running.file })
  })

  test('has none for what is elsewhere', () => {
    const { regions } = running
    const stack = regions.find(({ path }) => path === '[stack]')!
    const beyond = regions.filter(({ path }) => path === '[heap]').map(({ end }) => end - 8n)
    for (const address of [0n, 1n, stack.start, stack.end - 1n, 2n ** 64n - 1n, ...beyond]) {
      expect(nameOf(regions, address)).toBeUndefined()
    }
    expect(findSymbol(regions, 'per_thread')).toBeUndefined()
    expect(findSymbol(regions, 'there_is_no_such_thing')).toBeUndefined()
    expect(findSymbol([], 'main')).toBeUndefined()
  })
})

describe('files that are mapped', () => {
  test('as data as well do not count as loaded', async () => {
    const file = compile(folder, 'reads-itself', source, '-pie', '-fPIE', ...withLibrary)
    const { child, said, regions } = await start(file, [file, library, library, compile(folder, 'other', source, '-w')])
    for (const name of ['main', 'counter', 'lib_work', 'lib_counter', 'malloc']) {
      expect(findSymbol(regions, name)?.address).toBe(said.get(name)!.address)
    }
    const copies = regions.filter(({ path, offset }) => path === library && offset === 0n)
    expect(copies).toHaveLength(3)
    // Without the program there is only the copy of another.
    const copied = regions.filter(({ path }) => path.endsWith('/other'))
    expect(copied).toHaveLength(1)
    expect(findSymbol(copied, 'main')).toBeUndefined()
    expect(nameOf(copied, copied[0]!.start + 0x1000n)).toBeUndefined()
    await stop({ child } as Running)
  })

  test('that are gone, replaced, unreadable or no ELF files are passed over', async () => {
    const file = compile(folder, 'vanishes', source, '-pie', '-fPIE', ...withLibrary)
    const text = join(folder, 'text')
    writeFileSync(text, 'text '.repeat(10_000))
    const running = await start(file, [text])
    const main = running.said.get('main')!.address
    expect(findSymbol(running.regions, 'main')?.address).toBe(main)

    const withPath = (path: string): Region[] =>
      running.regions.map((region) => (region.path === file ? { ...region, path } : region))
    execFileSync('mkfifo', [join(folder, 'fifo')])
    for (const path of ['/dev/zero', folder, text, join(folder, 'fifo'), join(folder, 'nothing'), '/anon\0hugepage']) {
      expect(findSymbol(withPath(path), 'main')).toBeUndefined()
      expect(nameOf(withPath(path), main)).toBeUndefined()
      expect(findSymbol(withPath(path), 'lib_work')?.file).toBe(library)
    }

    copyFileSync(file, `${file}.new`)
    renameSync(`${file}.new`, file)
    const after = regionsOf(running.child.pid!)
    expect(after.some(({ path }) => path === `${file} (deleted)`)).toBe(true)
    expect(findSymbol(after, 'main')).toBeUndefined()
    expect(nameOf(after, main)).toBeUndefined()
    expect(nameOf(after, running.said.get('zeroed')!.address + 90_000n)).toBeUndefined()
    expect(findSymbol(after, 'lib_work')?.file).toBe(library)
    await stop(running)
  })

  test('are read again when they change', () => {
    const file = compile(folder, 'changes', source, '-DDYNAMIC', separate)
    const regions: Region[] = [
      { start: 0x1000n, end: 0x2000n, permissions: 'r--p', offset: 0n, path: file },
      { start: 0x2000n, end: 0x3000n, permissions: 'r-xp', offset: 0x1000n, path: file },
    ]
    expect(findSymbol(regions, 'work')?.address).toBeGreaterThan(0x2000n)
    const bytes = readFileSync(file)
    writeFileSync(file, 'something else')
    expect(findSymbol(regions, 'work')).toBeUndefined()
    writeFileSync(file, bytes)
    appendFileSync(file, 'more')
    expect(findSymbol(regions, 'work')?.address).toBeGreaterThan(0x2000n)
  })

  test('may be many', () => {
    const regions = Array.from({ length: 300 }, (_, i): Region => {
      const path = join(folder, `many-${i}`)
      copyFileSync(library, path)
      return { start: BigInt(i) << 20n, end: (BigInt(i) << 20n) + 0x1000n, permissions: 'r-xp', offset: 0x1000n, path }
    })
    for (let round = 0; round < 2; round++) {
      for (const region of regions) expect(findSymbol([region], 'lib_work')?.file).toBe(region.path)
    }
    expect(findSymbol(regions, 'lib_work')?.file).toBe(regions[0]!.path)
  })
})

test.skipIf(!isInstalled('setarch') || refused.has('personality'))(
  'a program whose addresses are not random has them too',
  async () => {
    const file = compile(folder, 'not-random', source, '-no-pie', '-fno-pie')
    const running = await start(file, [], ['setarch', '-R'])
    const zeroed = running.said.get('zeroed')!.address
    expect(findSymbol(running.regions, 'zeroed')?.address).toBe(zeroed)
    // As older kernels call it, since the heap begins right behind.
    const asHeap = running.regions.map((region) => (region.path === '' ? { ...region, path: '[heap]' } : region))
    for (const regions of [running.regions, asHeap]) {
      expect(nameOf(regions, zeroed + 99_999n)).toEqual({ name: 'zeroed', offset: 99_999, file })
    }
    await stop(running)
  },
)

test('this very process has symbols', () => {
  const regions = regionsOf(process.pid)
  const resolver = findSymbol(regions, 'memcpy')
  if (existsSync('/lib/x86_64-linux-gnu/libc.so.6')) expect(resolver?.kind).toBe('resolver')
  const { address, file } = findSymbol(regions, 'getpid')!
  expect(nameOf(regions, address + 1n)).toMatchObject({ offset: 1, file })
})
