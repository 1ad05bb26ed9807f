// What a run has done to files is undone when the run is over. Where that cannot be, a warning says so.
import { mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { ByteModel, explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const parent = ownFolder()
const program = compile(
  parent,
  'leaves',
  `#include ${header}
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int ends[2];
  if (argc < 3 || pipe(ends) != 0) return 1;
  ps_choose(1);
  char path[4096];
  snprintf(path, sizeof path, "%s/made", argv[2]);
  if (open(path, O_CREAT | O_WRONLY, 0600) < 0) return 2;
  if (strcmp(argv[1], "pipe") == 0) return write(ends[1], "x", 1) != 1;
  if (strcmp(argv[1], "killed") == 0) raise(SIGKILL);
  return 0;
}`,
)

async function search(how: string) {
  const folder = mkdtempSync(join(parent, 'made-'))
  const { warnings } = await explore(new Program(program, [how, folder]), { verify: true })
  return { left: readdirSync(folder), warnings: warnings.filter((warning) => warning.startsWith('files: ')) }
}

test.each([
  ['pipe', /could not be taken back to its first choice: .*pipe/],
  ['killed', /could not be taken back to its first choice: .*has ended/],
])('a run that cannot be taken back is named, once: %s', async (how, what) => {
  expect(await search(how)).toEqual({ left: ['made'], warnings: [expect.stringMatching(what)] })
})

test('one that is taken back is not', async () => {
  expect(await search('nothing')).toEqual({ left: [], warnings: [] })
})

test('a model in TypeScript has no files that could stay', async () => {
  const state = new Uint8Array(1)
  const found = await explore(new ByteModel({ state, alternatives: () => -1, choose: () => {} }))
  expect(found.warnings).toEqual([])
})
