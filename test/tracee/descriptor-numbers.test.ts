// Whatever numbers a program had its files open by, and whatever it has open by now: each comes back by its own number.
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, type Snapshot, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'

const folder = ownFolder()
const seed = Number(process.env['NUMBERS_SEED'] ?? Date.now() % 2 ** 31)
const most = 10

// The arguments say, for each step, which numbers are open, each on a file of its own.
const program = compile(
  folder,
  'opens',
  `#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>
int main(int argc, char **argv) {
  char name[] = "file-?";
  int is_open[${most}] = {1, 1, 1};
  for (int step = 1; step < argc; ++step) {
    const int wanted = atoi(argv[step]);
    for (int n = 0; n < ${most}; ++n) {
      const int is_wanted = wanted >> n & 1;
      if (is_open[n] && !is_wanted) close(n);
      if (!is_open[n] && is_wanted) {
        name[5] = '0' + n;
        const int fd = open(name, O_RDONLY);
        lseek(fd, n + step, SEEK_SET);
        if (fd != n) { dup2(fd, n); close(fd); }
      }
      is_open[n] = is_wanted;
    }
    syscall(SYS_getppid);
  }
  return 0;
}`,
)

/** What is open by which number, and at which offset. */
function descriptorsOf({ pid }: Tracee): string[] {
  const numbers = readdirSync(`/proc/${pid}/fd`).sort((a, b) => Number(a) - Number(b))
  return numbers.map((number) => {
    const position = /^pos:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${number}`, 'latin1'))
    return `${number} ${readlinkSync(`/proc/${pid}/fd/${number}`)} ${position?.[1]}`
  })
}

let state = seed
function random(below: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}

test.each(['files that stay', 'files that were closed since'])('%s are put back by their numbers', (kind) => {
  console.info(`NUMBERS_SEED=${seed}`)
  for (let n = 0; n < most; ++n) writeFileSync(join(folder, `file-${n}`), 'x'.repeat(100))
  const common = kind === 'files that stay' ? 0b10_0010_0000 : 0
  for (let run = 0; run < 15; ++run) {
    const steps = Array.from({ length: 6 }, () => `${random(1 << most) | common}`)
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, steps, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] })
    const taken: [Snapshot, string[]][] = []
    for (;;) {
      const stop = tracee.resume({ until: { syscall: ['getppid'] } })
      if (stop.kind !== 'syscall') break
      if (stop.entering) taken.push([tracee.capture(), descriptorsOf(tracee)])
    }
    for (let i = 0; i < 12; ++i) {
      const [snapshot, descriptors] = taken[random(taken.length)]!
      tracee.restore(snapshot)
      expect(descriptorsOf(tracee)).toEqual(descriptors)
    }
  }
})
