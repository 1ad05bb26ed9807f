// On a file system that keeps whole seconds, a write in the second in which a search began has a time from before it. Who asks
// for it is named all the same.
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
const script = join(import.meta.dirname, '../support/explore-on-coarse.mjs')

const program = compile(
  folder,
  'asks',
  `#define _GNU_SOURCE
#include ${header}
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct stat status;
  (void)argc;
  int file = open(argv[1], O_RDWR);
  if (file < 0 || lseek(file, 0, SEEK_END) < 0) abort();
  int choice = ps_choose(2);
  if (choice == 0 && write(file, "b", 1) != 1) abort();
  (void)ps_choose(1);
  if (fstat(file, &status) != 0) abort();
  ps_assert(choice == 0 || status.st_mtime == 1000, "somebody wrote");
  return 0;
}
`,
)

test('who asks when a file was written is named where times are whole seconds', ({ skip }) => {
  const own = mkdtempSync(join(folder, 'coarse-'))
  const { status, stdout, stderr } = spawnSync('unshare', ['-m', process.execPath, script, program, own], {
    encoding: 'utf8',
  })
  skip(status === 77 || /unshare: /.test(stderr), `no such file system can be mounted here: ${stdout}${stderr}`)
  expect(stderr).toBe('')
  const found = JSON.parse(stdout) as { complete: boolean; violations: string[]; warnings: string[] }
  expect(found.complete).toBe(true)
  expect(found.warnings).toContainEqual(expect.stringMatching(/^(newfstatat|fstat): /))
})
