// Symbols of a process for which a path means another file than for us.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'
import { afterEach, describe, expect, test } from 'vitest'

import { filesOf } from '../../lib/linux/process-files.js'
import { compile, ownFolder } from '../support/programs.js'

const folder = ownFolder()
// Where `here` is differs, and one has a symbol that the other one lacks.
const ours = compile(folder, 'program', 'char before[5000]; int here = 1, ours; int main(void) { return here; }')
const theirs = compile(
  folder,
  'theirs',
  `#include <stdio.h>
#include <unistd.h>
int here = 2, only_theirs = 3;
int main(void) { printf("%p\\n", (void *)&here); fflush(stdout); for (;;) pause(); }`,
)

const running: number[] = []
afterEach(() => {
  for (const pid of running.splice(0)) process.kill(pid, 'SIGKILL')
})

/** Starts what a shell command becomes, which prints where `here` is. */
async function start(command: string, args: string[]): Promise<{ pid: number; here: bigint }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  running.push(child.pid!)
  const [line] = await once(child.stdout, 'data')
  return { pid: child.pid!, here: BigInt(String(line).trim()) }
}

const canMount = spawnSync('unshare', ['-m', 'true']).status === 0

describe.runIf(canMount)('a process in another mount namespace', () => {
  test('has the symbols of its own file', async () => {
    const { pid, here } = await start('unshare', ['-m', 'sh', '-c', `mount --bind ${theirs} ${ours} && exec ${ours}`])
    const store = new PageStore()
    const tracee = Tracee.attach(store, pid)
    expect(tracee.regions.some(({ path }) => path === ours)).toBe(true)
    expect(tracee.symbol('here').address).toBe(here)
    expect(tracee.read(here, 4).readInt32LE()).toBe(2)
    expect(tracee.symbol('only_theirs').size).toBe(4)
    expect(() => tracee.symbol('ours')).toThrow(/have a symbol ours/)
    store.close()
  })

  test('has them at once with one that has our files under the same path', async () => {
    const other = await start('unshare', ['-m', 'sh', '-c', `mount --bind ${theirs} ${ours} && exec ${ours}`])
    const store = new PageStore()
    const tracees = [Tracee.attach(store, other.pid), Tracee.spawn(store, ours, [])]
    for (let i = 0; i < 2; ++i) {
      expect(tracees.map((tracee) => tracee.read(tracee.symbol('here').address, 4).readInt32LE())).toEqual([2, 1])
    }
    store.close()
  })
})

test.runIf(canMount)('a process with another root has the symbols of its own file', async () => {
  const root = join(folder, 'root')
  mkdirSync(join(root, 'bin'), { recursive: true })
  const alone = compile(folder, 'alone', readFileSync(`${theirs}.c`, 'utf8'), '-static')
  copyFileSync(alone, join(root, 'bin/true'))
  chmodSync(join(root, 'bin/true'), 0o755)
  const { pid, here } = await start('chroot', [root, '/bin/true'])
  const store = new PageStore()
  expect(Tracee.attach(store, pid).symbol('here').address).toBe(here)
  store.close()
})

test('a file that was replaced is not read for the one that is mapped', async () => {
  const path = join(folder, 'replaced')
  copyFileSync(theirs, path)
  const { pid, here } = await start(path, [])
  renameSync(path, `${path}-moved`)
  copyFileSync(ours, path)
  const store = new PageStore()
  const tracee = Tracee.attach(store, pid)
  // The kernel follows the name of a file.
  expect(tracee.regions.some(({ path: mapped }) => mapped === `${path}-moved`)).toBe(true)
  expect(tracee.symbol('here').address).toBe(here)
  store.close()
})

test('without privileges a file is found by its name, and another one of that name is not', () => {
  const [region] = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.endsWith(process.execPath))
  expect(region).toBeDefined()
  // No mapping begins there, as where the kernel refuses the link.
  const mapped = (path: string) => [{ start: 1n, end: 2n, permissions: 'r--p', offset: 0n, path }]
  const found = filesOf(process.pid)(mapped(process.execPath))
  expect(found === undefined ? undefined : readFileSync(found).equals(readFileSync(process.execPath))).toBe(true)
  expect(filesOf(process.pid)(mapped(join(folder, 'program')))).toBeUndefined()
  writeFileSync(join(folder, 'nothing'), '')
  expect(filesOf(2 ** 22 + 1)(mapped(process.execPath))).toBeUndefined()
})
