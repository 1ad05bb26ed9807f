// What a run has done to files is undone when the run is over. Where that cannot be, a warning says so.
import { mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { PageStoreError } from 'pagestore'
import { ByteModel, explore, Program, type Subject } from 'pagestore/explore'
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

/** A subject of which not every run can be started. */
function refusing(subject: Subject, isRefused: (run: number) => boolean): Subject {
  let run = 0
  return {
    open(store) {
      if (isRefused(++run)) throw new PageStoreError('ERR_SPAWN', 'no more of them')
      return subject.open(store)
    },
  }
}

test.each(['pipe', 'nothing'])('what could not be verified is said, whatever the search has left: %s', async (how) => {
  const folder = mkdtempSync(join(parent, 'made-'))
  const subject = refusing(new Program(program, [how, folder]), (run) => run > 1)
  const { warnings } = await explore(subject, { verify: true })
  const left = how === 'pipe' ? [expect.stringMatching(/^files: a run could not be taken back/)] : []
  const said = warnings.filter((warning) => /^(files|verify): /.test(warning))
  expect(said).toEqual([...left, 'verify: no fresh run could be started to compare with: no more of them'])
})

test('nor is it passed over where a second fresh run is wanted', async () => {
  const state = new Uint8Array(1)
  let runs = 0
  const model = new ByteModel({
    state,
    alternatives: () => (state[0] === 0 ? 1 : -1),
    choose() {
      state[0] = runs
    },
  })
  const counting: Subject = {
    open(store) {
      runs++
      return model.open(store)
    },
  }
  const { warnings } = await explore(
    refusing(counting, (run) => run === 3),
    { verify: true },
  )
  expect(warnings).toEqual(['verify: no fresh run could be started to compare with: no more of them'])
})
