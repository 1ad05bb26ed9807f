import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, type Stop, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build, untilGone } from '../support/tracees.js'

const variants = [
  ['C', 'sums-more.c', ['-O0']],
  ['C, optimized', 'sums-more.c', ['-O3', '-flto']],
  ['C for this processor', 'sums-more.c', ['-O2', '-march=native']],
  ['C in a shared style', 'sums-more.c', ['-O2', '-fPIC', '-fno-plt']],
  ['C without symbols', 'sums-more.c', ['-O2', '-s']],
  ['C with C++', 'sums-more.cc', ['-O2']],
  ['static C', 'sums-more.c', ['-O2', '-static']],
] as const

describe.each(variants)('%s, two files with one header', (_, more, flags) => {
  const program = build('sums.c', { flags: [...flags], more: [more] })
  const run = (env: Record<string, string>) => {
    const { stdout, stderr, status, signal } = spawnSync(program, [], { env })
    return { stdout: stdout.toString(), stderr: stderr.toString(), status, signal }
  }

  test('outside of a check answers come from PAGESTORE_TRACE', () => {
    expect(run({ PAGESTORE_TRACE: '2,2,2,0' })).toMatchObject({ stdout: '10 in 4\n', status: 0 })
    expect(run({ PAGESTORE_TRACE: '0,0,0,0,0,0,0,0,0,0' })).toMatchObject({ stdout: '10 in 10\n', status: 0 })
  })

  test('or at random, the same choices for the same PAGESTORE_SEED', () => {
    const seeds = Array.from({ length: 20 }, (_, i) => String(i))
    const results = seeds.map((seed) => run({ PAGESTORE_SEED: seed }))
    expect(seeds.map((seed) => run({ PAGESTORE_SEED: seed }))).toEqual(results)
    expect(new Set(results.map(({ stdout, stderr }) => stdout + stderr)).size).toBeGreaterThan(3)
  })

  test('an alternative that there is not, a deadlock and a failed assertion say so and where', () => {
    expect(run({ PAGESTORE_TRACE: '2,3' })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('PAGESTORE_TRACE'),
    })
    const dead = run({ PAGESTORE_TRACE: '2,2,2,2' })
    expect(dead).toMatchObject({ status: 1, stdout: '12 in 4\n' })
    expect(dead.stderr).toMatch(/sums\.c:16: ps_choose\(0\)/)
    const failed = run({ PAGESTORE_TRACE: '2,2,2,1' })
    expect(failed).toMatchObject({ signal: 'SIGABRT', stderr: expect.stringMatching(/sums\.c:13: eleven/) })
  })

  test('under check every choice stops with its location, a deadlock has no alternatives, a failed assertion its text', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [], { stdio: ['ignore', 'ignore', 'inherit'] })
    const first = tracee.resume()
    expect(first).toMatchObject({
      kind: 'choice',
      alternatives: 3,
      location: expect.stringMatching(/sums-more\.cc?:\d$/),
    })
    using start = tracee.capture()
    const take = (...path: number[]) => path.reduce<Stop>((_, choose) => tracee.resume({ choose }), first)
    expect(take(2, 2, 2, 1)).toMatchObject({
      kind: 'assertion',
      text: 'eleven',
      location: expect.stringMatching(/sums\.c:13$/),
    })
    // An assertion that failed lets the program go on.
    expect(tracee.resume()).toMatchObject({
      kind: 'choice',
      alternatives: 0,
      location: expect.stringMatching(/sums\.c:16$/),
    })
    expect(() => tracee.resume({ choose: 0 })).toThrow(/ps_choose\(0\)/)
    tracee.restore(start)
    expect(take(2, 2, 2, 0)).toMatchObject({ kind: 'exit', code: 0 })
  })

  test('states are one when what was declared is equal and they stopped at one location', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [], { stdio: ['ignore', 'ignore', 'inherit'] })
    tracee.resume()
    using start = tracee.capture()
    const keyAfter = (...path: number[]) => {
      tracee.restore(start)
      for (const choose of path) tracee.resume({ choose })
      // Held to the end: a number is a state only while somebody holds it.
      return tracee.capture()
    }
    const [a, b, c, ten, twelve] = [[0, 0, 0], [2], [1], [2, 2, 2, 0], [2, 2, 2, 2]].map((path) => keyAfter(...path))
    expect(a?.key).toBe(b?.key)
    expect(a?.root).not.toBe(b?.root)
    expect(a?.key).not.toBe(c?.key)
    expect(new Set([start, a, c, ten, twelve].map((snapshot) => snapshot?.key)).size).toBe(5)
  })
})

test('a program let go in the middle of a choice goes on by itself', async () => {
  using store = new PageStore()
  const program = build('sums.c', { more: ['sums-more.c'] })
  const output = join(ownFolder(), 'output')
  const fd = openSync(output, 'w')
  const tracee = Tracee.spawn(store, program, [], {
    detachable: true,
    env: { PAGESTORE_TRACE: '2,2,2,0' },
    stdio: ['ignore', fd, 'inherit'],
  })
  closeSync(fd)
  expect(tracee.resume().kind).toBe('choice')
  tracee.detach()
  await untilGone(tracee.pid)
  expect(readFileSync(output, 'utf8')).toBe('10 in 4\n')
})

test.each([
  ['cc', 'c', ['-std=c99']],
  ['cc', 'c', ['-std=c17']],
  ['c++', 'c++', ['-std=c++11']],
  ['c++', 'c++', ['-std=c++20']],
])('the header compiles with %s without a warning: %s %s', (compiler, language, flags) => {
  const header = join(import.meta.dirname, '../../include/pagestore.h')
  const warnings = ['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Werror', '-D_GNU_SOURCE']
  const source = `#include "${header}"\nint main(void) { ps_state(0, 1); ps_assert(1, ""); return ps_choose(2); }\n`
  const output = execFileSync(compiler, [...warnings, ...flags, '-x', language, '-c', '-o', '/dev/null', '-'], {
    input: source,
  })
  expect(output.toString()).toBe('')
})
