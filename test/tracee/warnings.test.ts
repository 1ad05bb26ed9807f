// What a restore does not put back is said once of each kind, however much there is to say at once, and whatever becomes of
// the one who is told.
import { spawnSync } from 'node:child_process'

import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'

// Steps by getppid. In the second one a thread parts with the descriptors, and the program opens a file, and writes to a
// file that it has mapped shared and to standard output.
const program = compile(
  ownFolder(),
  'warned-of',
  `#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
static volatile int start, done;
static const char *how;
static void *part(void *unused) {
  while (!start) usleep(500);
  if (strcmp(how, "parts") == 0 && syscall(436, 900, 901, CLOSE_RANGE_UNSHARE) != 0) abort();
  done = 1;
  for (;;) pause();
  return unused;
}
int main(int argc, char **argv) {
  char path[] = "/var/tmp/pagestore-mapped-XXXXXX";
  pthread_t thread;
  how = argv[argc - 1];
  int file = mkstemp(path);
  unlink(path);
  if (ftruncate(file, 4096) != 0) abort();
  char *mapped = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  pthread_create(&thread, 0, part, 0);
  getppid();
  open("/dev/null", O_RDONLY);
  start = 1;
  while (!done) usleep(500);
  mapped[0] = 1;
  if (strcmp(how, "writes") == 0) write(1, "out\\n", 4);
  getppid();
  for (;;) pause();
}
`,
  '-pthread',
)

function step(tracee: Tracee) {
  for (;;) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'syscall' && stop.entering) return
  }
}

/** Restored past the second step as often as that. */
function restoredPast(options: object, times = 1) {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, ['parts'], { stdio: [], files: 'ignore', ...options })
  step(tracee)
  const before = tracee.capture()
  for (let i = 0; i < times; i++) {
    step(tracee)
    tracee.restore(before)
  }
}

const both = [
  expect.stringMatching(/ is not as it was: files are ignored/),
  expect.stringMatching(/^Thread \d+ has descriptors of its own/),
]

test('two kinds at one restore: both are given, once', () => {
  const warnings: string[] = []
  restoredPast({ onWarning: (text: string) => void warnings.push(text) }, 2)
  expect(warnings).toEqual(both)
})

test('a taker that throws is given the others, too, and what it threw goes to the caller', () => {
  const warnings: string[] = []
  const onWarning = (text: string) => {
    warnings.push(text)
    throw new Error('not now')
  }
  expect(() => restoredPast({ onWarning })).toThrow('not now')
  expect(warnings).toEqual(both)
})

test('a capture whose warning makes the taker throw leaves no snapshot', () => {
  using store = new PageStore()
  let isThrowing = false
  const onWarning = () => {
    if (isThrowing) throw new Error('not now')
  }
  using tracee = Tracee.spawn(store, program, ['parts'], { stdio: [], files: 'ignore', onWarning })
  step(tracee)
  tracee.capture().release()
  step(tracee)
  isThrowing = true
  expect(() => tracee.capture()).toThrow('not now')
  isThrowing = false
  const { references } = store.stats()
  const snapshot = tracee.capture()
  expect(store.stats().references).toBeGreaterThan(references)
  snapshot.release()
  expect(store.stats().references).toBe(references)
})

test('what is written to an inherited stream, and by a shared mapping of a file: both are named', () => {
  const script = `
import { PageStore, Tracee } from 'pagestore'
const [program] = process.argv.slice(1)
const store = new PageStore()
const warnings = []
const options = { stdio: ['ignore', 'inherit', 'ignore'], onWarning: (text) => warnings.push(text) }
const tracee = Tracee.spawn(store, program, ['writes'], options)
const step = () => { while (tracee.resume({ until: { syscall: ['getppid'] } }).entering !== true); }
step()
const before = tracee.capture()
try { step(); tracee.restore(before) } catch (error) { warnings.push(error.message) }
console.error(JSON.stringify(warnings))
store.close()
`
  const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script, program], {
    encoding: 'utf8',
  })
  expect(stdout).toBe('out\n')
  const warnings = JSON.parse(stderr) as string[]
  expect(warnings).toContainEqual(expect.stringMatching(/^Descriptor 1 .*what the program writes there stays/))
  expect(warnings).toContainEqual(expect.stringMatching(/^What the program did with \/var\/tmp\/pagestore-mapped/))
})
