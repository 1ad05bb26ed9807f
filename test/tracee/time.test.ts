import { execFileSync } from 'node:child_process'

import { PageStore, type SpawnOptions, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { ownFolder } from '../support/programs.js'
import { runTraced, stopsOf } from '../support/running.js'
import { build } from '../support/tracees.js'

const folder = ownFolder()
const kept: SpawnOptions = { deterministic: { time: true } }
const hasCounter = process.arch === 'x64'

const programs: Record<string, string> = {
  'without optimization': build('clocks.c', { flags: ['-O0'] }),
  optimized: build('clocks.c', { flags: ['-O2'] }),
  static: build('clocks.c', { flags: ['-O2', '-static'] }),
}
const program = programs['optimized']!

function run(file: string, args: string[], options: SpawnOptions = kept): string {
  const { stop, output } = runTraced(folder, file, args, options)
  expect(stop).toMatchObject({ kind: 'exit', code: 0, ended: true })
  return output
}

/** Lines that begin with a name; of a name that comes twice, the second. */
function valuesOf(output: string): Record<string, string> {
  return Object.fromEntries(
    output
      .trimEnd()
      .split('\n')
      .map((line) => line.match(/^(\S+) (.*)$/)!.slice(1)),
  )
}

describe.each(Object.keys(programs))('a program (%s)', (kind) => {
  test('reads the same from every clock, each time, and only a sleep lets it go on', () => {
    const output = run(programs[kind]!, ['read'])
    const start = '1577836800.000000000'
    expect(output).toMatch(new RegExp(`^clock0 0 ${start}\nclock1 0 86400.000000000\nclock2 0 0.000000000\n`))
    expect(valuesOf(output)).toMatchObject({
      clock0: '0 1577836801.250000000',
      clock1: '0 86401.250000000',
      clock2: '0 1.250000000',
      clock3: '0 1.250000000',
      clock4: '0 86401.250000000',
      clock5: '0 1577836801.250000000',
      clock6: '0 86401.250000000',
      clock7: '0 86401.250000000',
      clock11: '0 1577836801.250000000',
      gettimeofday: '1577836801.250000 0',
      time: '1577836801',
      timespec_get: '1577836801.250000000',
      clock: '1250000',
      times: '8640125 125',
      getrusage: '1.250000 0',
      sysinfo: '86401',
      own: '1.250000000',
      ...(hasCounter && { counter: '86401250000000 86401250000000 0' }),
    })
    expect(run(programs[kind]!, ['read'])).toBe(output)
    expect(run(programs[kind]!, ['read'], { ...kept, detachable: true })).toBe(output)
  })

  test.each([false, true])('does not wait for what nobody could do (detachable: %s)', (detachable) => {
    expect(valuesOf(run(programs[kind]!, ['sleep'], { ...kept, detachable }))).toEqual({
      sleep: '0 100000000000',
      usleep: '0 250000000',
      nanosleep: '0 31536000000000007',
      rest: '1 1',
      thrd_sleep: '0 1500000000',
      clock_nanosleep: '0 3000000000',
      'clock_nanosleep-past': '0 0',
      nothing: '0 0',
      poll: '0 2000000000',
    })
  })

  test('waits until its limits have passed', () => {
    expect(valuesOf(run(programs[kind]!, ['wait']))).toEqual({
      poll: '0 1500000000',
      ppoll: '0 1500000000',
      select: '0 2250000000',
      rest: '0 0',
      pselect: '0 1500000000',
      epoll_wait: '0 700000000',
      epoll_pwait2: '0 1500000000',
      sigtimedwait: '-11 1500000000',
      futex: '-110 1500000000',
      'futex-other': '-11 0',
      'futex-bitset': '-110 3000000000',
      condition: '110 3000000000',
      semaphore: '-110 3000000000',
      semtimedop: '-11 1500000000',
      'semtimedop-try': '-11 0',
      mq_timedreceive: '-110 3000000000',
      'poll-ready': '1 0',
      'poll-at-once': '1 0',
    })
  })
})

test('what the kernel refuses is refused', () => {
  const truth = execFileSync(program, ['refuse']).toString()
  expect(truth).toMatch(/^clock_gettime -14$/m)
  expect(run(program, ['refuse'])).toBe(truth)
  expect(run(program, ['refuse'], { ...kept, detachable: true })).toBe(truth)
})

test.runIf(hasCounter)('faults of its own reach a program, and its counter is as it set it', () => {
  expect(valuesOf(run(program, ['faults']))).toEqual({
    counter: '0 1',
    own: '1',
    mode: '2',
    disabled: '2',
    enabled: '2',
    blocked: '0',
  })
})

describe('two threads', () => {
  const expected = {
    woken: expect.stringMatching(/^0 200000000$/),
    epoll_wait: '0 100000000',
    joined: '0 350000000',
    sleep: '0 50000000000',
  }

  test('wait at the same time, in real time', () => {
    const begin = performance.now()
    expect(valuesOf(run(program, ['threads']))).toEqual(expected)
    expect(performance.now() - begin).toBeGreaterThan(350)
  })

  test('wait no longer when they are interrupted all the time', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, ['threads'], { ...kept, stdio: ['ignore', 'ignore'] })
    const stops = stopsOf(tracee, { timeout: 2 })
    expect(stops.filter(({ kind }) => kind === 'timeout').length).toBeGreaterThan(20)
    expect(stops.at(-1)).toMatchObject({ kind: 'exit', code: 0 })
  })
})

test('a clock rolls back', () => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, ['read'], { ...kept, stdio: ['ignore', 'ignore'] })
  // All clocks are read through one buffer, which is printed at the end.
  const until = { until: { syscall: ['clock_nanosleep', 'nanosleep'] } }
  expect(tracee.resume(until)).toMatchObject({ kind: 'syscall', entering: true })
  const before = tracee.capture()
  expect(tracee.resume(until)).toMatchObject({ kind: 'syscall', entering: false })
  const after = tracee.capture()
  expect(after.equals(before)).toBe(false)
  const end = tracee.resume()
  expect(end).toMatchObject({ kind: 'exit', code: 0 })
  const ended = tracee.capture()
  tracee.restore(before)
  expect(tracee.resume(until)).toMatchObject({ kind: 'syscall', entering: false })
  expect(tracee.capture().equals(after)).toBe(true)
  expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 0 })
  expect(tracee.capture().key).toBe(ended.key)
  expect(tracee.capture().root).toBe(ended.root)
})

test('Python sleeps, measures, and runs timers', () => {
  const source = `
import asyncio, time
start = time.time()
print(start, time.monotonic())
time.sleep(2.5)
print(time.time() - start)
async def both(): await asyncio.gather(asyncio.sleep(100), asyncio.sleep(60))
asyncio.run(both())
print(round(time.time() - start, 3))`
  const [start, slept, ran] = run('python3', ['-c', source]).trimEnd().split('\n')
  expect(start).toBe('1577836800.0 86400.0')
  expect(slept).toBe('2.5')
  expect(Number(ran)).toBeCloseTo(102.5, 2)
})

test('processes that a program starts have the clocks of the system', () => {
  const years = run('sh', ['-c', 'date +%Y; sleep 0.01; date +%Y']).trimEnd().split('\n')
  for (const year of years) expect(Number(year)).toBeGreaterThan(2024)
  expect(run('date', ['-u', '+%F %T'])).toBe('2020-01-01 00:00:00\n')
  expect(run('sh', ['-c', 'exec date -u "+%F %T"'])).toBe('2020-01-01 00:00:00\n')
})

test('it is off unless asked for, and cannot be taken from a program', () => {
  for (const deterministic of [true, false, {}, { time: false }]) {
    expect(Number(run('date', ['+%Y'], { deterministic }))).toBeGreaterThan(2024)
  }
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, ['read'], { ...kept, detachable: true })
  expect(errorOf(() => tracee.detach())).toMatchObject({
    code: 'ERR_TRACEE',
    message: expect.stringMatching(/time: true/),
  })
})
