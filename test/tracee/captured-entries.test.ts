// A snapshot that is taken where a call is about to be made: what the call then does to memory is known afterwards.
import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'

const file = compile(
  ownFolder(),
  'replaces',
  `#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static const long length = 1 << 20, part = 1 << 16;
int main(void) {
  char *all = mmap(0, length, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(all, 1, length);
  for (int i = 1; i < 8; ++i) {
    *(char *)mmap(all, part, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) = i;
    getppid();
    madvise(all + 2 * part, part, MADV_DONTNEED);
    getppid();
    memset(all, i, length);
  }
  return 0;
}
`,
)

test.each([false, true])('what a call changes after a capture at its entry is in the next one (%s)', (detachable) => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, file, [], { detachable, stdio: ['ignore', 'ignore', 'inherit'] })
  const until = { syscall: ['mmap', 'madvise', 'getppid'] }
  let snapshots = 0
  for (let stop = tracee.resume({ until }); stop.kind === 'syscall'; stop = tracee.resume({ until })) {
    using snapshot = tracee.capture()
    ++snapshots
    for (const { start, end, permissions } of tracee.regions) {
      if (!permissions.startsWith('rw')) continue
      const length = Number(end - start)
      expect(tracee.read(start, length).equals(snapshot.read(start, length))).toBe(true)
    }
  }
  expect(snapshots).toBeGreaterThan(50)
})
