import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, type Stop, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'

const folder = ownFolder()
const pageBytes = 4096

// Maps a file, and at each choice does one thing to the mapping; then prints what is there.
const mapper = compile(
  folder,
  'mapper',
  `#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "${join(import.meta.dirname, '../../include/pagestore.h')}"
int main(int argc, char **argv) {
  (void)argc;
  int fd = open(argv[1], O_RDWR);
  char *at = mmap(NULL, ${pageBytes}, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (ps_choose(2) == 1) munmap(at, ${pageBytes});
  ps_choose(1);
  return at[0];
}`,
)

function mapped(name: string): { store: PageStore; tracee: Tracee; file: string } {
  const file = join(folder, name)
  writeFileSync(file, Buffer.alloc(pageBytes, 7))
  const store = new PageStore()
  const tracee = Tracee.spawn(store, mapper, [file], { stdio: ['ignore', 'ignore', 'ignore'] })
  expect(tracee.resume()).toMatchObject({ kind: 'choice', alternatives: 2 })
  return { store, tracee, file }
}

test('a shared mapping of a file that was deleted, or is called otherwise, is recognised', () => {
  for (const change of [(file: string) => rmSync(file), (file: string) => renameSync(file, `${file}-other`)]) {
    const { store, tracee, file } = mapped('recognised')
    const snapshot = tracee.capture()
    tracee.resume({ choose: 0 })
    change(file)
    tracee.restore(snapshot)
    tracee.resume({ choose: 0 })
    expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 7 })
    store.close()
  }
})

test('a shared mapping is made again of the same file', () => {
  const { store, tracee } = mapped('same')
  const snapshot = tracee.capture()
  tracee.resume({ choose: 1 })
  tracee.restore(snapshot)
  tracee.resume({ choose: 0 })
  expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 7 })
  store.close()
})

test('a shared mapping is not made of another file that has its name now', () => {
  const { store, tracee, file } = mapped('other')
  const snapshot = tracee.capture()
  tracee.resume({ choose: 1 })
  renameSync(file, `${file}-kept`)
  writeFileSync(file, Buffer.alloc(pageBytes, 9))
  expect(errorOf(() => tracee.restore(snapshot)).code).toBe('ERR_MAPPING')
  renameSync(`${file}-kept`, file)
  tracee.restore(snapshot)
  tracee.resume({ choose: 0 })
  expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 7 })
  store.close()
})

// Maps a file to be read, opens another one to be written; then lets go of the first, and adds to the second.
const reader = compile(
  folder,
  'reader',
  `#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "${join(import.meta.dirname, '../../include/pagestore.h')}"
int main(int argc, char **argv) {
  int fd = open(argv[1], O_RDONLY), log = open(argv[2], O_WRONLY | O_APPEND);
  char *at = mmap(NULL, ${pageBytes}, PROT_READ, argc > 3 ? MAP_SHARED : MAP_PRIVATE, fd, 0);
  close(fd);
  ps_choose(1);
  munmap(at, ${pageBytes});
  if (write(log, "more", 4) != 4) return 9;
  ps_choose(1);
  return 0;
}`,
)

function replaceByFolder(file: string): void {
  rmSync(file)
  mkdirSync(file)
}
const replaceByFile = (file: string) => renameSync(`${file}-other`, file)

test.each([
  ['private', [], 'file', replaceByFile],
  ['shared', ['shared'], 'file', replaceByFile],
  ['private', [], 'folder', replaceByFolder],
])(
  'a %s mapping (%j) whose path leads to another %s by now is refused before files are put back',
  (_kind, args, _what, change) => {
    const file = join(folder, 'to-read'),
      log = join(folder, 'log')
    rmSync(file, { recursive: true, force: true })
    writeFileSync(file, Buffer.alloc(pageBytes, 7))
    writeFileSync(`${file}-other`, Buffer.alloc(pageBytes, 9))
    writeFileSync(log, 'so far')
    using store = new PageStore()
    const tracee = Tracee.spawn(store, reader, [file, log, ...args], { stdio: ['ignore', 'ignore', 'ignore'] })
    expect(tracee.resume()).toMatchObject({ kind: 'choice' })
    const snapshot = tracee.capture()
    expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'choice' })
    change(file)
    expect(errorOf(() => tracee.restore(snapshot)).code).toBe('ERR_MAPPING')
    expect(readFileSync(log, 'latin1')).toBe('so farmore')
  },
)

// A heap of 16 pages filled with their numbers; then it is mistreated.
const heap = compile(
  folder,
  'heap',
  `#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "${join(import.meta.dirname, '../../include/pagestore.h')}"
enum { kPage = ${pageBytes}, kPages = 16 };
int main(void) {
  char *end = sbrk(0);
  end += (kPage - (unsigned long)end % kPage) % kPage;
  brk(end + kPages * kPage);
  for (int i = 0; i < kPages; ++i) memset(end + i * kPage, i + 1, kPage);
  switch (ps_choose(6)) {
    case 0: munmap(end + 3 * kPage, 2 * kPage); break;
    case 1: munmap(end + (kPages - 1) * kPage, kPage); break;
    case 2: brk(end + 8 * kPage); mmap(end + 9 * kPage, 3 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 3: mmap(end + 2 * kPage, kPage, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 4: brk(end + 32 * kPage); munmap(end + 31 * kPage, kPage); break;
    case 5: munmap(end + 5 * kPage, kPage); brk(end + 7 * kPage); break;
  }
  ps_choose(1);
  for (int i = 0; i < kPages; ++i) {
    if (end[i * kPage] != i + 1) return 1;
  }
  brk(end + 4 * kPage);
  return 42;
}`,
)

test('holes in a heap, and what took its place, are undone', () => {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, heap, [], { stdio: ['ignore', 'ignore', 'ignore'] })
  expect(tracee.resume()).toMatchObject({ kind: 'choice', alternatives: 6 })
  const before = tracee.capture()
  tracee.resume({ choose: 4 }) // and back from the heap that is larger
  const larger = tracee.capture()
  for (const choose of [0, 1, 2, 3, 4, 5]) {
    tracee.restore(before)
    expect(tracee.resume({ choose })).toMatchObject({ kind: 'choice', alternatives: 1 })
    const after = tracee.capture()
    tracee.restore(before)
    expect(tracee.capture().equals(before)).toBe(true)
    tracee.restore(after)
    expect(tracee.capture().equals(after)).toBe(true)
    tracee.restore(larger)
    expect(tracee.capture().equals(larger)).toBe(true)
  }
  const end: Stop = tracee.resume({ choose: 0 })
  expect(end).toMatchObject({ kind: 'exit', code: 42 })
  store.close()
})
