// System calls of another interface than ours: 32-bit programs, and 64-bit ones that make 32-bit or x32 calls. Nobody here
// knows what such calls mean, so nothing is injected, and nothing is captured.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'
import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'
import { stopsOf } from '../support/running.js'
import { header, isThere } from '../support/tracees.js'

const folder = ownFolder()
const streams = { stdio: ['ignore', 'ignore', 'ignore'] } as const
const refused = { code: 'ERR_TRACEE', message: expect.stringMatching(/32-bit program/) }

/** A 32-bit program that runs for a while with the address of a path in a register, and ends with 7. */
function assemble(name: string, turns: string): string | undefined {
  const source = join(folder, `${name}.s`)
  writeFileSync(
    source,
    `.globl _start
.text
_start: mov $path, %ebx
  xor %esi, %esi
1: inc %esi
  cmp $${turns}, %esi
  jb 1b
  mov $252, %eax
  mov $7, %ebx
  int $0x80
.data
path: .asciz "/usr"
`,
  )
  const isMade =
    process.arch === 'x64' &&
    spawnSync('as', ['--32', source, '-o', `${source}.o`]).status === 0 &&
    spawnSync('ld', ['-m', 'elf_i386', '-o', join(folder, name), `${source}.o`]).status === 0
  return isMade && spawnSync(join(folder, name)).status === 7 ? join(folder, name) : undefined
}

const quick = assemble('quick', '10')
const slow = quick === undefined ? undefined : assemble('slow', '0xf0000000')

test.runIf(quick)('a 32-bit program is not spawned', async () => {
  const store = new PageStore()
  for (const options of [{}, { detachable: true }, { deterministic: false }]) {
    expect(errorOf(() => Tracee.spawn(store, quick!, [], { ...streams, ...options }))).toMatchObject(refused)
  }
  await expect(explore(new Program(quick!))).rejects.toMatchObject(refused)
  store.close()
})

test.runIf(slow)('a 32-bit process that runs is not attached to, and runs on as it was', async () => {
  const child = spawn(slow!, [], { stdio: 'ignore' })
  await once(child, 'spawn')
  const ended = once(child, 'exit')
  const store = new PageStore()
  for (let i = 0; i < 3; ++i) expect(errorOf(() => Tracee.attach(store, child.pid!))).toMatchObject(refused)
  expect(readlinkSync(`/proc/${child.pid}/cwd`)).toBe(process.cwd())
  expect(await ended).toEqual([7, null])
  store.close()
})

test.runIf(quick)('a program that becomes a 32-bit one is refused from then on, and ends as it does by itself', () => {
  const becomes = compile(
    folder,
    'becomes',
    `#include <unistd.h>\nint main(int c, char **v) { return execv(v[1], v); }`,
  )
  const store = new PageStore()
  for (const detachable of [false, true]) {
    const tracee = Tracee.spawn(store, becomes, [quick!], { ...streams, detachable })
    const before = tracee.capture()
    expect(tracee.resume()).toMatchObject({ kind: 'exec' })
    for (const use of [() => tracee.capture(), () => tracee.restore(before), () => tracee.regions]) {
      expect(errorOf(use)).toMatchObject(refused)
    }
    expect(stopsOf(tracee).at(-1)).toMatchObject({ kind: 'exit', code: 7, ended: true })
    tracee.close()
  }
  store.close()
})

test.runIf(quick)('a 32-bit program that a program starts runs as it does by itself', () => {
  const starts = compile(
    folder,
    'starts',
    `#include <sys/wait.h>
#include <unistd.h>
int main(int c, char **v) {
  int status;
  if (fork() == 0) execv(v[1], v);
  wait(&status);
  return WEXITSTATUS(status);
}`,
  )
  const store = new PageStore()
  const tracee = Tracee.spawn(store, starts, [quick!], streams)
  expect(stopsOf(tracee).at(-1)).toMatchObject({ kind: 'exit', code: 7, ended: true })
  store.close()
})

const makesCalls = (name: string, call: string) =>
  compile(
    folder,
    name,
    `#include ${header}
#include <sys/syscall.h>
int main(void) {
  if (ps_choose(2)) { ${call} }
  ps_choose(1);
  return 0;
}`,
  )
const notSeen = { code: 'ERR_TRACEE', message: expect.stringMatching(/another interface \(int 0x80, x32\)/) }

// By the 32-bit interface 20 is getpid, and by ours writev; 12 is chdir, and by ours brk.
const calls =
  process.arch === 'x64'
    ? [
        ['a 32-bit call', makesCalls('int80', 'long r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory");')],
        ['an x32 call', makesCalls('x32', 'syscall(0x40000000 + SYS_getpid);')],
      ]
    : []

test.each(calls)('%s ends captures, and nothing else', async (_, file) => {
  await expect(explore(new Program(file!))).rejects.toMatchObject(notSeen)
  const store = new PageStore()
  for (const detachable of [false, true]) {
    const tracee = Tracee.spawn(store, file!, [], { ...streams, detachable })
    tracee.resume()
    const before = tracee.capture()
    expect(tracee.resume({ choose: 1 })).toMatchObject({ kind: 'choice', alternatives: 1 })
    for (const use of [() => tracee.capture(), () => tracee.restore(before), () => tracee.regions]) {
      expect(errorOf(use)).toMatchObject(notSeen)
    }
    expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 0 })
    expect(isThere(tracee.pid)).toBe(true)
    tracee.close()
  }
  store.close()
})

test('a number that no interface has is no call of another one', async () => {
  const file = makesCalls('unknown', 'if (syscall(0x70730003) == 0 || syscall(0x7fffffff) == 0) abort();')
  expect(await explore(new Program(file))).toMatchObject({ complete: true, violations: [] })
})
