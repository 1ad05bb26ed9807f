// A page of a file that is mapped privately is a copy once it was written, and stays one when it is rolled back. That is
// named where it shows, when the program changes the file, and nowhere else.
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
let count = 0

const named = 'char path[] = "/tmp/pagestore-private-XXXXXX"; int file = mkstemp(path); unlink(path);'
const anonymous = 'int file = memfd_create("private", 0);'
const ofMemory =
  'int file = open("/dev/shm/pagestore-private", O_RDWR | O_CREAT, 0600); unlink("/dev/shm/pagestore-private");'

/** Two pages of what `open` opened, mapped privately at `at`; `seven` is what is written to the file. */
async function warningsOf(body: string, open = named): Promise<readonly string[]> {
  const source = `#define _GNU_SOURCE
#include ${header}
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
  ${open}
  if (ftruncate(file, 8192) != 0) return 9;
  volatile char *at = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  char seven = 7;
  (void)seven;
  ${body}
  return 0;
}`
  const program = new Program(compile(folder, `program-${count++}`, source, '-g'))
  const found = await explore(program, { maxStates: 100 })
  expect(found.complete).toBe(true)
  return found.warnings
}

const byCall = 'int x = ps_choose(2); if (x) pwrite(file, &seven, 1, 1); else at[0] = 9; (void)ps_choose(1);'
const byMapping = `char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (ps_choose(2)) shared[1] = 7; else at[0] = 9;
  (void)ps_choose(1);`

test.each([
  ['a file, written at an offset', byCall, named],
  ['a memfd, written at an offset', byCall, anonymous],
  [
    'one that is copied before it is written',
    'if (ps_choose(2)) at[0] = 0; (void)ps_choose(1); pwrite(file, &seven, 1, 1);',
    named,
  ],
  [
    'one that is written twice in a step, and is as it was',
    'if (ps_choose(2)) at[0] = 9; else { pwrite(file, &seven, 1, 1); at[2] = at[1]; pwrite(file, &at[3], 1, 1); }',
    named,
  ],
  ['one that is cut', 'if (ps_choose(2)) at[0] = 9; else if (ftruncate(file, 4096)) return 9;', named],
  [
    'one that is written by a copy in the kernel',
    'if (ps_choose(2)) at[0] = 9; else { loff_t from = 4096, to = 0; copy_file_range(file, &from, file, &to, 1, 0); }',
    named,
  ],
  ['a memfd, written by a shared mapping', byMapping, anonymous],
  ['a file of a tmpfs, written by a shared mapping', byMapping, ofMemory],
])('%s', async (_what, body, open) => {
  expect(await warningsOf(body, open)).toContainEqual(
    expect.stringMatching(/^files: .* is mapped privately, and the program changes it/),
  )
})

test('one that is opened, written and closed within a step', async () => {
  const path = join(folder, 'closed')
  const open = `int file = open("${path}", O_RDWR | O_CREAT | O_TRUNC, 0600);`
  const body = `close(file);
  if (ps_choose(2)) at[0] = 9;
  else { int again = open("${path}", O_WRONLY); pwrite(again, &seven, 1, 1); close(again); }
  (void)ps_choose(1);`
  expect(await warningsOf(body, open)).toContainEqual(expect.stringContaining('is mapped privately'))
})

test.each([
  ['is not changed', 'if (ps_choose(2)) at[0] = 9; (void)ps_choose(1);'],
  [
    'is unmapped before it is changed',
    'munmap((char *)at, 8192); ps_choose(2); pwrite(file, &seven, 1, 1); ps_choose(1);',
  ],
])('where it %s, nothing is said', async (_what, body) => {
  expect((await warningsOf(body)).filter((text) => text.includes('privately'))).toEqual([])
})

test.each([
  ['opened to be written', 'int again = open(path, O_RDWR); close(again);'],
  [
    'opened to be written, and read',
    'char one; int again = open(path, O_RDWR); pread(again, &one, 1, 0); close(again);',
  ],
  ['opened and removed', 'int again = open(path, O_RDWR); unlink(path); close(again);'],
])('where it is only %s, nothing is said', async (_what, act) => {
  const open = `char path[] = "${folder}/opened-XXXXXX"; int file = mkstemp(path);`
  const body = `close(file); if (ps_choose(2)) at[0] = 9; else { ${act} } (void)ps_choose(1);`
  expect((await warningsOf(body, open)).filter((text) => text.includes('privately'))).toEqual([])
})

test('one that is written within a step, after it was opened twice, and is as it was', async () => {
  const open = `char path[] = "${folder}/twice-XXXXXX"; int file = mkstemp(path);`
  const body = `close(file);
  if (ps_choose(2)) at[0] = 9;
  else {
    close(open(path, O_RDWR));
    int again = open(path, O_RDWR);
    pwrite(again, &seven, 1, 1), at[2] = at[1], pwrite(again, &at[3], 1, 1);
    close(again);
  }
  (void)ps_choose(1);`
  expect(await warningsOf(body, open)).toContainEqual(expect.stringContaining('is mapped privately'))
})
