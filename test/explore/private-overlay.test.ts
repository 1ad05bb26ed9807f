// On an overlay file system, as containers have it, the kernel names the file of a mapping otherwise than stat(2) does. That
// a program changes a file which it has mapped privately is named there as elsewhere, whatever the file is called by then.
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
const script = join(import.meta.dirname, '../support/explore-on-overlay.mjs')

const program = compile(
  folder,
  'maps',
  `#define _GNU_SOURCE
#include ${header}
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
  const char *how = argv[1], *name = argc > 2 ? argv[2] : "own";
  int file = open(name, O_RDWR | O_CREAT, 0600), other = open("other", O_RDWR | O_CREAT, 0600);
  const char seven = 7;
  if (lseek(file, 0, SEEK_END) == 0) dprintf(file, "a");
  const off_t end = lseek(file, 0, SEEK_END);
  if (file < 0 || other < 0 || end <= 0) abort();
  volatile char *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  const int is_gone = strcmp(how, "gone") == 0;
  if (strcmp(how, "unlinked") == 0) unlink(name);
  if (strcmp(how, "renamed") == 0) rename(name, "renamed");
  if (strcmp(how, "closed") == 0 || is_gone) close(file), file = -1;
  if (ps_choose(2)) at[0] = 9;
  else {
    const int again = file < 0 ? open(name, O_WRONLY) : dup(strcmp(how, "another file") == 0 ? other : file);
    if (pwrite(again, &seven, 1, end) != 1) abort();
    if (is_gone) {
      at[1] = at[end];
      if (ftruncate(again, end) != 0) abort();
      unlink(name);
    }
    close(again);
  }
  (void)ps_choose(1);
  return 0;
}
`,
)

const named = /^files: .* is mapped privately, and the program changes it/

function search(...args: string[]) {
  const own = mkdtempSync(join(folder, 'overlay-'))
  const command = ['-Urm', process.execPath, script, program, own, ...args]
  const { status, stdout, stderr } = spawnSync('unshare', command, { encoding: 'utf8' })
  const isForbidden = status === 77 || /unshare: /.test(stderr) || /mount: .*tmpfs|permission denied/.test(stderr)
  if (isForbidden) return { reason: `no overlay file system can be mounted here: ${stdout}${stderr}` }
  expect(stderr).toBe('')
  return JSON.parse(stdout) as { complete: boolean; violations: string[]; warnings: string[] }
}

test.for([
  ['still named', 'open'],
  ['unlinked', 'unlinked'],
  ['renamed', 'renamed'],
  ['opened, written and closed within a step', 'closed'],
  ['opened, written, closed and unlinked within a step', 'gone'],
  ['of the lower layer', 'open', 'log'],
] as const)('one that is %s', ([, ...args], { skip }) => {
  const found = search(...args)
  if ('reason' in found) return skip(found.reason)
  expect(found).toMatchObject({ complete: true, violations: [] })
  expect(found.warnings).toContainEqual(expect.stringMatching(named))
})

test('where another file is changed, nothing is said of it', ({ skip }) => {
  const found = search('another file')
  if ('reason' in found) return skip(found.reason)
  expect(found).toEqual({ complete: true, violations: [], warnings: [] })
})
