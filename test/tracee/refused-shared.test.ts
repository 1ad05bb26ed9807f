// Shared memory without a name cannot be mapped once more: a restore that would have to says so, and harms nothing.
import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { build, includes } from '../support/tracees.js'

const program = build('shared-twice.c')

test.each([undefined, 'none'] as const)(
  'refused, and other snapshots can be restored after it (tracker: %s)',
  (tracker) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [], { stdio: [], tracker })
    const refused = expect.objectContaining({ code: 'ERR_MAPPING', message: expect.stringContaining('0x') })
    tracee.resume()
    const both = tracee.capture()
    tracee.resume({ choose: 0 })
    const written = tracee.capture()
    tracee.restore(both)
    expect(tracee.capture().key).toBe(both.key)
    tracee.restore(written)
    tracee.resume({ choose: 1 })
    const one = tracee.capture()
    for (let round = 0; round < 2; round++) {
      for (const snapshot of [both, written]) expect(() => tracee.restore(snapshot)).toThrow(refused)
      expect(tracee.capture().key).toBe(one.key)
      tracee.restore(one)
    }
    tracee.resume({ choose: 0 })
    tracee.restore(one)
    expect(tracee.capture().key).toBe(one.key)
  },
)

// What is left of such memory can be mapped once more by the part that is.
const parts = `#define _GNU_SOURCE
#include <sys/mman.h>
#include "pagestore.h"
int main(int argc, char **argv) {
  char *at = (char *)0x200000000000;
  const int fresh = MAP_ANONYMOUS | MAP_FIXED;
  (void)argv;
  mmap(at, 8 << 12, PROT_READ | PROT_WRITE, MAP_SHARED | fresh, -1, 0);
  memset(at, 1, 8 << 12);
  if (argc > 1) mmap(at + (4 << 12), 4096, PROT_READ | PROT_WRITE, MAP_SHARED | fresh, -1, 0);
  for (;;) {
    const int way = ps_choose(4);
    if (way == 1) munmap(at + (2 << 12), 4096);
    if (way == 2) mmap(at + (2 << 12), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | fresh, -1, 0);
    if (way == 3) munmap(at, 8 << 12);
  }
}`
const split = compile(ownFolder(), 'parts', parts, ...includes)

test.each([
  ['comes back', []],
  // It would have to be mapped on both sides of the other.
  ['with another in its middle is refused', ['two']],
])('a part of shared memory that was unmapped or replaced comes back, and the whole %s', (_, args) => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, split, args, { stdio: [] })
  tracee.resume()
  const before = tracee.capture()
  for (const choose of [1, 2]) {
    tracee.resume({ choose })
    const after = tracee.capture()
    tracee.restore(before)
    expect(tracee.capture().equals(before)).toBe(true)
    tracee.restore(after)
    expect(tracee.capture().equals(after)).toBe(true)
    tracee.restore(before)
  }
  tracee.resume({ choose: 3 })
  const gone = tracee.capture()
  const restore = () => tracee.restore(before)
  if (args.length > 0) expect(restore).toThrow(expect.objectContaining({ code: 'ERR_MAPPING' }))
  else restore()
  tracee.restore(gone)
  expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'choice', alternatives: 4 })
})
