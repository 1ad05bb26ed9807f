// What a program may declare to be its state: memory that snapshots take, all of it. Anything else is refused by name.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { LocalMemory, PageStore, ProcessMemory, Tracee } from 'pagestore'
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { runCli } from '../support/cli-run.js'
import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'
import { refused as refusedHere } from '../support/refused.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
const headers = `#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>
#include ${header}
`

// Gives an int array that is declared: three choices in it, and an assertion that fails for the last of eight ends.
const kinds = compile(
  folder,
  'kinds',
  `${headers}
#define IS(x) else if (strcmp(argv[1], x) == 0)
static int own[4];
static void *map(int flags, int fd) { return mmap(0, 4096, PROT_READ | PROT_WRITE, flags, fd, 0); }
static int file(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  unlink(path);
  return fd < 0 || ftruncate(fd, 4096) != 0 ? -1 : fd;
}
int main(int argc, char **argv) {
  int *state = own, fd = -1;
  size_t bytes = 12;
  if (argc < 2) return 8;
  IS("own") {}
  IS("heap") state = calloc(4, 4);
  IS("mapped") state = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
  IS("private file") state = map(MAP_PRIVATE, file(argv[2]));
  IS("shared") state = map(MAP_SHARED | MAP_ANONYMOUS, -1);
  IS("memfd") { fd = memfd_create("x", 0); if (ftruncate(fd, 4096)) return 9; state = map(MAP_SHARED, fd); }
  IS("sysv") { int id = shmget(IPC_PRIVATE, 4096, 0600); state = shmat(id, 0, 0); shmctl(id, IPC_RMID, 0); }
  IS("file") state = map(MAP_SHARED, file(argv[2]));
  IS("huge pages") state = mmap(0, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  IS("secret") { fd = syscall(447, 0); if (fd < 0 || ftruncate(fd, 4096)) return 9; state = map(MAP_SHARED, fd); }
  IS("device") { fd = open("/dev/zero", O_RDONLY); state = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0); ps_state(0, 0); }
  IS("null") { ps_state(0, 100); }
  IS("low") { ps_state((void *)0x1000, (size_t)1 << 46); }
  IS("all") { ps_state(own, (size_t)1 << 60); }
  IS("wrapping") { ps_state(own, (size_t)-1); }
  IS("kernel's") { ps_state((void *)(uintptr_t)strtoull(argv[2], 0, 0), 8); }
  IS("half") { char *two = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(two + 4096, 4096); ps_state(two + 4000, 200); }
  IS("empty") { ps_state(0, 0); }
  IS("sparse") { state = mmap(0, (size_t)16 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); bytes = (size_t)16 << 30; ((char *)state)[bytes - 1] = 1; }
  IS("overlapping") { ps_state(own, 8); ps_state(own + 1, 8); ps_state(own, 12); ps_state((char *)own + 3, 2); }
  else return 8;
  if (state == MAP_FAILED || state == 0) return 9;
  ps_state(state, bytes);
  for (int i = 0; i < 3; ++i) state[i] = 10 + ps_choose(2);
  ps_assert(!(state[0] == 11 && state[1] == 11 && state[2] == 11), "not all ones");
  return 0;
}`,
)
const run = (...args: string[]) => explore(new Program(kinds, args, { stepTimeout: 1e6 }))
// The start, 2, 4, and seven good ends.
const exact = {
  complete: true,
  states: 14,
  transitions: 14,
  violations: [{ property: 'not all ones', choices: [1, 1, 1] }],
}

describe('all of what snapshots take may be declared:', () => {
  test.each([
    ['own'],
    ['heap'],
    ['mapped'],
    ['private file', join(folder, 'private')],
    ['shared'],
    ['memfd'],
    ['sysv'],
    ['file', '/dev/shm/pagestore-test'],
    ['overlapping'],
    ['empty'],
    ['sparse'],
  ])('%s', async (...args) => {
    expect(await run(...args)).toMatchObject(exact)
  })

  test('a file on a tmpfs that is mounted elsewhere, under a name of its own', async () => {
    const script = `mount -t tmpfs none /mnt && exec "$0" "$@"`
    const command = [
      script,
      process.execPath,
      '--eval',
      `
      import('pagestore/explore').then(async ({ explore, Program }) => {
        const found = await explore(new Program(${JSON.stringify(kinds)}, ['file', '/mnt/x']))
        console.log(JSON.stringify({ ...found, violations: found.violations.map(({ property, choices }) => ({ property, choices })) }))
      })`,
    ]
    const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', ...command], {
      encoding: 'utf8',
      cwd: join(import.meta.dirname, '../..'),
    })
    if (status !== 0 && /unshare|mount|permitted/i.test(stderr)) return // not allowed here
    expect(JSON.parse(stdout)).toMatchObject(exact)
  })
})

const refused = (text: RegExp) => ({ code: 'ERR_ADDRESS', message: expect.stringMatching(text) })
const shared =
  /^the range of 12 bytes from 0x[\da-f]+ on makes the state, but snapshots do not take the mapping at 0x[\da-f]+-0x[\da-f]+ \(rw-s /

describe('what they do not take is refused, naming the range and what is there:', () => {
  test.each([
    ['a shared file', ['file', join(folder, 'shared')], new RegExp(`${shared.source}.*/shared \\(deleted\\)\\)`)],
    ['null', ['null'], /^the range of 100 bytes from 0x0 on .* nothing is mapped at 0x0$/],
    ['nearly all', ['low'], /^the range of 70368744177664 bytes from 0x1000 on .* nothing is mapped at 0x1000$/],
    [
      'more than there is',
      ['all'],
      /^the range of 1152921504606846976 bytes from 0x[\da-f]+ on .* nothing is mapped at/,
    ],
    ['more than a processor has', ['wrapping'], /goes beyond the last address/],
    ['what is half unmapped', ['half'], /^the range of 200 bytes .* nothing is mapped at 0x[\da-f]+000$/],
  ])('%s', async (_, args, text) => {
    await expect(run(...args)).rejects.toMatchObject(refused(text))
  })

  test('secret memory, where there is some', async () => {
    if (spawnSync(kinds, ['secret'], { env: { PAGESTORE_TRACE: '0,0,0' } }).status !== 0) return
    await expect(run('secret')).rejects.toMatchObject(refused(new RegExp(`${shared.source}/secretmem`)))
  })

  // Its address is that of another run.
  test.skipIf(refusedHere.has('personality'))('memory of the kernel', async () => {
    const store = new PageStore()
    const tracee = Tracee.spawn(store, kinds, ['own'], { stdio: ['ignore', 'ignore', 'ignore'] })
    const maps = readFileSync(`/proc/${tracee.pid}/maps`, 'latin1')
    store.close()
    const [, start = ''] = /^([\da-f]+)-.*\[vdso\]$/m.exec(maps) ?? []
    await expect(run("kernel's", `0x${start}`)).rejects.toMatchObject(refused(/r-xp \[vdso\]/))
  })

  test('and check ends with 2', async () => {
    const { code, stdout, stderr } = await runCli(['check', '--', kinds, 'file', join(folder, 'shared')])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^error: the range of 12 bytes .*\/shared \(deleted\)/)
  })
})

const freeing = (name: string, after: string) =>
  new Program(
    compile(
      folder,
      name,
      `${headers}
int main(void) {
  int *state = mmap(0, 300000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ps_state(state, 300000);
  for (int i = 0; i < 2; ++i) state[i] = 10 + ps_choose(2);
  munmap(state, 300000);
  ${after}
  return 0;
}`,
    ),
  )

test('a program that gives its state back before it ends is at one end', async () => {
  expect(await explore(freeing('frees', ''))).toMatchObject({
    complete: true,
    states: 4,
    transitions: 6,
    violations: [],
  })
})

test('a program that goes on without its state is refused, as is one that maps a file in its place', async () => {
  await expect(explore(freeing('goes-on', 'ps_choose(2);'))).rejects.toMatchObject(refused(/nothing is mapped/))
  const path = join(folder, 'in-place')
  const maps = `int fd = open("${path}", O_RDWR | O_CREAT, 0600);
  if (ftruncate(fd, 300000)) return 9;
  mmap(state, 300000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);`
  await expect(explore(freeing('maps', maps))).rejects.toMatchObject(refused(/rw-s .*in-place\)/))
})

test('to ignore what is not captured, or all there is, is no error', async () => {
  const file = compile(
    folder,
    'ignores',
    `${headers}
static int at;
int main(void) {
  ps_ignore((void *)0x1000, (size_t)1 << 46), ps_ignore(0, (size_t)-1), ps_ignore(&at, (size_t)-1);
  for (int i = 0; i < 2; ++i) at = at * 2 + ps_choose(2);
  return 0;
}`,
  )
  expect(await explore(new Program(file))).toMatchObject({ complete: true, violations: [] })
})

test('as many ranges as a header may have room for', async () => {
  const most = 65536
  const path = join(folder, 'many.h')
  execFileSync('sh', ['-c', `sed 's/define PS_MOST_RANGES 256/define PS_MOST_RANGES ${most}/' ${header} > ${path}`])
  const file = compile(
    folder,
    'many',
    `#include "${path}"
static struct { int at, between; } all[PS_MOST_RANGES];
int main(void) {
  ps_under_check();
  for (int i = 0; i < PS_MOST_RANGES; ++i) {
    ps_program_layout.state[i] = (struct ps_range){(uintptr_t)&all[i].at, 4};
    // In falling order.
    ps_program_layout.ignore[PS_MOST_RANGES - 1 - i] = (struct ps_range){(uintptr_t)&all[i].between, 4};
  }
  ps_program_layout.states = ps_program_layout.ignored = PS_MOST_RANGES;
  for (int i = 0; i < 3; ++i) all[i * 20000].at = 1 + ps_choose(2), all[i].between += 1;
  return 0;
}`,
  )
  expect(await explore(new Program(file))).toMatchObject({ complete: true, states: 15, transitions: 14 })
})

test('ranges that overlap cost each byte once, and tell states apart as before', async () => {
  const program = compile(
    folder,
    'overlapping',
    `${headers}
#define PAGES 512
static struct { int first, second, noise; } all;
int main(int argc, char **argv) {
  unsigned char *large = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  (void)argv;
  ps_state(&all.first, sizeof all.first + sizeof all.second);
  ps_state(&all.second, sizeof all.second);
  if (argc > 1) {
    for (int i = 0; i < PAGES * 4096; i++) large[i] = (unsigned char)(i * 7 + i / 4096);
    for (int i = 0; i < 200; i++) ps_state(large + i * 8, PAGES * 4096 - 2000);
  }
  for (;;) {
    all.noise++;
    if (ps_choose(2)) all.first = (all.first + 1) & 3;
    else all.second = (all.second + 1) & 3;
  }
}`,
  )
  const found = await explore(new Program(program))
  expect(found).toMatchObject({ complete: true, states: 16, transitions: 32, violations: [] })
  using store = new PageStore({ maxPages: 8192 })
  using tracee = Tracee.spawn(store, program, ['large'])
  expect(tracee.resume()).toMatchObject({ kind: 'choice' })
  const [start, , again] = [tracee.capture(), tracee.resume({ choose: 1 }), tracee.capture()]
  expect(again.key).not.toBe(start.key)
})

describe('what is tracked from outside follows the same rule:', () => {
  test('of a program', () => {
    const store = new PageStore()
    const tracee = Tracee.spawn(store, kinds, ['file', join(folder, 'tracked')], {
      stdio: ['ignore', 'ignore', 'ignore'],
    })
    tracee.track(0n, 2 ** 52)
    expect(errorOf(() => tracee.capture())).toMatchObject(refused(/^the range of 4503599627370496 bytes from 0x0 on/))
    store.close()
  })

  test('of our own memory', () => {
    const store = new PageStore()
    const memory = new LocalMemory(store, new ArrayBuffer(4096))
    memory.track(0n, 4096)
    memory.capture().release()
    memory.track(0n, 2 ** 52)
    expect(errorOf(() => memory.capture())).toMatchObject(refused(/nothing is mapped at 0x1000$/))
    store.close()
  })

  test('of a process that is observed', async () => {
    const child = spawn('sleep', ['100'], { stdio: 'ignore' })
    await once(child, 'spawn')
    const store = new PageStore()
    const memory = new ProcessMemory(store, child.pid!)
    memory.track(1n, 100)
    expect(errorOf(() => memory.capture())).toMatchObject(refused(/nothing is mapped at 0x1$/))
    store.close()
    child.kill('SIGKILL')
  })
})
