// verify takes random walks in fresh runs, too: what rolls back wrongly is found however far behind the start it shows.
import { join } from 'node:path'

import { ByteModel, explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { buildExample } from '../support/examples.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()

function program(name: string, body: string): Program {
  const source = `#define _GNU_SOURCE
#include ${header}
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
static volatile int shown, at;
int main(int argc, char **argv) { (void)argc, (void)argv, (void)shown, (void)at; ${body} return 0; }`
  return new Program(compile(folder, name, source), [join(folder, `${name}.made`)])
}

const unfaithful = (found: Awaited<ReturnType<typeof explore>>) =>
  found.violations.filter(({ kind }) => kind === 'unfaithful')

test('a program whose state lies in the kernel is not accepted', async () => {
  const body = `umask(0); ps_state((void *)&shown, sizeof shown);
    for (;;) { int way = ps_choose(3); umask((umask(0) + (mode_t)way) % 8); shown = (int)umask(0); umask((mode_t)shown); }`
  const found = await explore(program('kernel', body), { verify: true })
  expect(unfaithful(found)).toHaveLength(1)
})

test('a program whose state lies in a shared file is not accepted', async () => {
  const body = `int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (ftruncate(fd, 4096) != 0) return 9;
    int *state = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (int i = 0; i < 3; i++) { int way = ps_choose(2); if (state[9]) at = 1; state[9] |= way; }`
  const found = await explore(program('shared', body), { verify: true })
  expect(unfaithful(found)).toHaveLength(1)
})

test.each([
  ['that keeps the number of its process', 'for (; at < 3; at++) { ps_choose(2); shown = getpid(); }'],
  [
    'that allocates and frees',
    'for (; at < 3; at++) { char *p = malloc(9 + 9 * (size_t)ps_choose(3)); p[0] = 1; free(p); }',
  ],
  ['that declares its state', 'ps_state((void *)&at, sizeof at); for (;;) at = (at + 1 + ps_choose(3)) % 11;'],
  ['that fails', 'for (; at < 3; at++) ps_assert(ps_choose(2) != 1 || at != 2, "not then");'],
])('a program %s is accepted', async (name, body) => {
  const found = await explore(program(name.replaceAll(' ', '-'), body), { verify: true })
  expect(unfaithful(found)).toEqual([])
})

test.each(['models/wolf', 'models/philosophers', 'bugs/ring', 'bugs/mutex'])('%s is accepted', async (name) => {
  expect(unfaithful(await explore(new Program(buildExample(name)), { verify: true }))).toEqual([])
})

test('a model that keeps state beside its bytes is not accepted', async () => {
  const state = new Uint8Array(1)
  let beside = 0
  const model = new ByteModel({
    state,
    alternatives: () => 2,
    choose(alternative) {
      beside = (beside + alternative) % 5
      state[0] = ((state[0] ?? 0) + (beside === 4 ? 2 : 1)) % 16
    },
  })
  expect(unfaithful(await explore(model, { verify: true }))).toHaveLength(1)
})
