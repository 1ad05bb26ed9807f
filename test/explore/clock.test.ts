import { explore, Program, type ProgramOptions } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
let number = 0

function program(body: string, { flags = [] as string[], ...options }: ProgramOptions & { flags?: string[] } = {}) {
  const source = `#include ${header}
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif
// Not a part of main, whose frame would keep what it last read.
__attribute__((noinline)) static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
int main(void) { ${body} }`
  return new Program(compile(folder, `clock-${number++}`, source, ...flags), [], options)
}

async function statesOf(subject: Program): Promise<number> {
  const found = await explore(subject)
  expect(found).toMatchObject({ complete: true, violations: [], warnings: [] })
  return found.states
}

describe.each([[['-O0']], [['-O2', '-static']]])('compiled with %j', (flags) => {
  test('states that differ in nothing but the time are told apart', async () => {
    const differing = (act: string) => statesOf(program(`if (ps_choose(2)) ${act}; ps_choose(1); return 0;`, { flags }))
    const merged = await differing('now()')
    expect(await differing('usleep(1)')).toBe(merged + 2)
    expect(await differing('poll(0, 0, 1)')).toBe(merged + 2)
    expect(await differing('usleep(0)')).toBe(merged)
  })

  test('a program that only reads clocks has the states of one that does not', async () => {
    const counting = (act: string) =>
      statesOf(program(`static int at; for (;;) { at = (at * 2 + ps_choose(3)) % 7; ${act}; }`, { flags }))
    const states = await counting('')
    expect(states).toBe(7)
    expect(await counting('now(); time(0); clock()')).toBe(states)
    if (process.arch === 'x64') expect(await counting('__rdtsc()')).toBe(states)
  })

  test('what a program measures is what it slept', async () => {
    const body = `double start = now();
    sleep((unsigned)ps_choose(4));
    if (ps_choose(2)) usleep(500000);
    ps_assert(now() - start != 2.5, "not two seconds and a half");
    return 0;`
    const found = await explore(program(body, { flags }))
    expect(found.violations).toMatchObject([{ kind: 'assertion', property: 'not two seconds and a half' }])
    expect(found.violations[0]!.choices).toEqual([2, 1])
  })
})

test('declared states do not depend on the time', async () => {
  const body = 'static int at; ps_state(&at, sizeof at); for (;;) { at = (at + ps_choose(3)) % 5; usleep(1); }'
  expect(await statesOf(program(body))).toBe(5)
})

test('a program that waits for the time by reading it hangs, and is told why', async () => {
  const spinning = async (read: string, options: ProgramOptions = {}) => {
    const body = `if (ps_choose(2)) { double end = ${read} + 0.05; while (${read} < end) ; } return 0;`
    const found = await explore(program(body, { stepTimeout: 300, ...options }))
    return found.violations.map(({ kind, detail }) => `${kind}: ${detail}`)
  }
  const expected = [expect.stringMatching(/^hang: the program reads a clock again and again/)]
  expect(await spinning('now()')).toEqual(expected)
  if (process.arch === 'x64') expect(await spinning('((double)__rdtsc() / 1e9)')).toEqual(expected)
  expect(await spinning('now()', { deterministic: { time: false } })).toEqual([])
  expect(await spinning('now()', { deterministic: false })).toEqual([])
})

test('a program that computes too long is not said to read a clock', async () => {
  const found = await explore(program('ps_choose(1); for (volatile int i = 0;; ++i) ;', { stepTimeout: 200 }))
  expect(found.violations).toMatchObject([{ kind: 'hang', detail: expect.stringMatching(/is running in main/) }])
})

test('C++ measures time as C does', async () => {
  const { execFileSync } = await import('node:child_process')
  const { writeFileSync } = await import('node:fs')
  const { join } = await import('node:path')
  const source = `#include ${header}
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
int main() {
  using namespace std::chrono;
  using namespace std::chrono_literals;
  const auto start = steady_clock::now();
  const auto date = system_clock::now();
  const int seconds = ps_choose(3);
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  if (ps_choose(2)) never.wait_for(lock, 250ms);
  const auto passed = steady_clock::now() - start;
  ps_assert(passed == system_clock::now() - date, "both clocks go at one pace");
  ps_assert(passed != 2250ms, "both were taken");
}`
  const file = join(folder, 'chrono')
  writeFileSync(`${file}.cc`, source)
  execFileSync('c++', ['-std=c++17', '-O1', '-o', file, `${file}.cc`])
  const found = await explore(new Program(file))
  expect(found.violations).toMatchObject([{ kind: 'assertion', property: 'both were taken' }])
  expect(found.violations[0]!.choices).toEqual([2, 1])
})
