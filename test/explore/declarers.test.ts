// Several parts of one program that declare, each with a pagestore.h of its own: none loses what another one declared.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
let number = 0
const kept = (version: number) => `"${join(import.meta.dirname, `../programs/headers/pagestore-layout-${version}.h`)}"`

/** A library that counts something of its own, and declares it when it is loaded. */
const library = (name: string, include: string) =>
  compile(
    folder,
    name,
    `#include ${include}
static int count;
__attribute__((constructor)) static void declare(void) { ps_state(&count, sizeof count); }
int rand(void) { return ++count & 1; }`,
    '-shared',
    '-fPIC',
  )

// Its state is its sum, and what the library counts: without that, the loop would be at one state for ever.
const program = (name: string, include: string) =>
  compile(
    folder,
    name,
    `#define _DEFAULT_SOURCE
#include ${include}
static int sum;
int main(void) {
  ps_state(&sum, sizeof sum);
  for (;;) {
    if (ps_choose(2)) sum = (sum + 1) % 3;
    else rand();
    ps_assert(sum != 2, "two");
  }
}`,
  )

describe.each([
  ['today’s', header, header],
  ['the first and today’s', kept(1), header],
  ['today’s and the first', header, kept(1)],
  ['the second and today’s', kept(2), header],
])('a program and a preloaded library with headers: %s', (_, ofProgram, ofLibrary) => {
  const file = program(`program-${number++}`, ofProgram)
  const preloaded = library(`library-${number++}.so`, ofLibrary)
  const options = { env: { LD_PRELOAD: preloaded, LD_BIND_NOW: '1' } }

  test('both count', async () => {
    const bounds = { maxStates: 30 }
    const alone = await explore(new Program(file), bounds)
    const both = await explore(new Program(file, [], options), bounds)
    // Two sums that hold the assertion, times what the library counts, which has no bound here.
    expect(alone).toMatchObject({ complete: true, states: 2 })
    expect(both).toMatchObject({ complete: false, states: 30 })
    expect(both.violations).toMatchObject([{ property: 'two', choices: [1, 1] }])
    expect(both.violations[0]?.steps).toHaveLength(2)
  })
})

test('what a library declares rolls back to where it was not loaded, and is gone when it is unloaded', () => {
  const late = library('late.so', header)
  copyFileSync(late, join(folder, 'copy.so'))
  const file = compile(
    folder,
    'loads',
    `#include ${header}
#include <dlfcn.h>
static int at;
int main(int argc, char **argv) {
  ps_state(&at, sizeof at);
  ps_choose(1);
  void *first = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL), *second = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
  if (first == 0 || second == 0) return 9;
  ps_choose(1);
  dlclose(second);
  ps_choose(1);
  return argc != 3;
}`,
    '-ldl',
  )
  const store = new PageStore()
  const tracee = Tracee.spawn(store, file, [late, join(folder, 'copy.so')], { stdio: ['ignore', 'ignore', 'ignore'] })
  const declared: number[] = []
  const keys: number[] = []
  const look = () => {
    const snapshot = tracee.capture()
    declared.push(tracee.declared.length)
    keys.push(snapshot.key)
    return snapshot
  }
  tracee.resume()
  const start = look()
  for (let i = 0; i < 2; ++i) {
    tracee.resume({ choose: 0 })
    look()
    tracee.resume({ choose: 0 })
    look()
    tracee.restore(start)
    look()
  }
  expect(declared).toEqual([1, 3, 2, 1, 3, 2, 1])
  expect(keys.slice(1, 4)).toEqual(keys.slice(4))
  expect(keys[3]).toBe(keys[0])
  store.close()
})

test('a program that says it too often is refused, and told why', async () => {
  const many = (count: number) =>
    explore(
      new Program(
        compile(
          folder,
          `many-${count}`,
          `#include ${header}
static struct ps_layout all[${count}];
int main(void) {
  for (int i = 0; i < ${count}; ++i) ps_call(PS_CHECK, (uintptr_t)&all[i], 0, 0);
  for (int i = 0; i < ${count}; ++i) ps_call(PS_CHECK, (uintptr_t)&all[i], 0, 0);
  return ps_choose(2) * 0;
}`,
        ),
      ),
    )
  expect(await many(63)).toMatchObject({ complete: true, violations: [] })
  await expect(many(64)).rejects.toMatchObject({ code: 'ERR_TRACEE', message: expect.stringMatching(/more than 64/) })
})
