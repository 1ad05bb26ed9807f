// What a program does that no rollback makes undone: each kind is named once, and nothing that is harmless is named.
import { rmSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { callsWithEffects, effectOf } from '../../lib/linux/call-effects.js'
import type { FileKind } from '../../lib/linux/file-kinds.js'
import { harmlessCalls, listedCalls } from '../../lib/linux/harmless-calls.js'
import { systemCallNumber } from '../../lib/linux/system-calls.js'
import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('outside.c', { flags: ['-O1', '-lrt'] })
const folder = ownFolder()

async function subjectsOf(what: string, options: { strategy?: 'depth' | 'random'; maxTransitions?: number } = {}) {
  const found = await explore(new Program(program, [what, join(folder, what)]), options)
  expect(found.violations).toEqual([])
  expect(found.complete).toBe(options.strategy !== 'random')
  for (const warning of found.warnings) expect(warning).toMatch(/^[^:]+: .{20,}$/)
  return found.warnings.map((warning) => warning.split(': ')[0])
}

describe('a program that reaches outside ends with a warning that names the call', () => {
  test.each([
    ['handler', 'rt_sigaction'],
    ['ignored', 'rt_sigaction'],
    ['stack', 'sigaltstack'],
    ['itimer', 'setitimer'],
    ['timer', 'timer_create'],
    ['umask', 'umask'],
    ['chdir', 'chdir'],
    ['limit', 'prlimit64'],
    ['name', 'prctl'],
    ['priority', 'setpriority'],
    ['affinity', 'sched_setaffinity'],
    ['robust list', 'set_robust_list'],
    ['locked memory', 'mlock'],
    ['existing pages', 'mincore'],
    ['directory', /^mkdir/],
    ['new file', 'openat'],
    ['rename', /^rename/],
    ['mode', /^f?chmod/],
    ['epoll', 'epoll_ctl'],
    ['semaphore', 'semget'],
    ['queue', 'msgsnd'],
    ['posix queue', 'mq_unlink'],
    ['random', 'getrandom'],
    ['random device', /^open/],
    ['room', /^statfs$/],
    ['cached pages', 'cachestat'],
    ['random device at the start', 'read'],
    ['used memory', /^open/],
    ['opened to write', /^open/],
    ['splice', 'splice'],
    ['error of a socket', 'getsockopt'],
    ['somebody else', 'kill'],
    ['shared file', 'mmap'],
    ['shared file, checked', 'mmap'],
    ['shared file later', 'mprotect'],
    ['unknown call', 'syscall_1000'],
  ])('%s', async (what, call) => {
    expect(await subjectsOf(what)).toContainEqual(typeof call === 'string' ? call : expect.stringMatching(call))
  })
})

test.each([
  ['timerfd', 'timerfd_settime', 'ERR_FILES'],
  ['flock', 'flock', 'ERR_FILES'],
  ['socket', 'bind', 'ERR_FILES'],
  ['nonblock', 'fcntl', undefined],
])('%s: descriptors are put back or refused; where files are ignored the call is named', async (what, call, code) => {
  const search = (files: 'restore' | 'ignore') => explore(new Program(program, [what, join(folder, what)], { files }))
  expect(await search('restore').catch((error) => error.code)).toEqual(
    code ?? expect.objectContaining({ warnings: [] }),
  )
  expect((await search('ignore')).warnings).toContainEqual(expect.stringMatching(`^${call}: `))
})

test('of a file that it makes the name stays; where files are ignored, all of it does', async () => {
  const warnings = async (files: 'restore' | 'ignore') => {
    rmSync(join(folder, 'new file'), { force: true })
    return (await explore(new Program(program, ['new file', join(folder, 'new file')], { files }))).warnings
  }
  expect(await warnings('restore')).toEqual([
    expect.stringMatching(/^openat: names of files are not rolled back.*a file that it makes stays/),
  ])
  expect(await warnings('ignore')).toContainEqual(expect.stringMatching(/^openat: open files and their offsets/))
})

test.each(['depth', 'random'] as const)(
  'so does one that is searched %s first, or along random paths',
  async (strategy) => {
    expect(await subjectsOf('umask', { strategy, maxTransitions: 40 })).toEqual(['umask'])
  },
)

test('a handler that its first signal resets is named: no call does that', async () => {
  const found = await explore(new Program(program, ['handler reset']))
  expect(found.warnings).toEqual([expect.stringMatching(/^SA_RESETHAND: the handler of SIGUSR1 /)])
})

describe('what a program sets up before its first choice counts where it acts later', () => {
  test.each([
    ['timer at the start', ['setitimer']],
    ['stopped timer at the start', []],
    ['signal at the start', []],
    ['mapped at the start', ['mmap']],
    ['stack at the start', []],
    ['watch at the start', ['inotify_add_watch']],
    ['stack that disarms itself at the start', ['sigaltstack']],
  ])('%s', async (what, subjects) => {
    expect(await subjectsOf(what)).toEqual(subjects)
  })
})

test.each([
  'memory',
  'reading',
  'waiting',
  'locks',
  'output',
  'signal to itself',
  'pending',
  'handler set again',
  'mask',
  'handler put back',
  'same handler',
  'what the system has',
  'cut by its path',
])('a program that stays inside is not warned of: %s', async (what) => {
  expect(await subjectsOf(what)).toEqual([])
})

test('a file that is mapped shared is memory where it lies on a file system of memory', async () => {
  const path = `/dev/shm/pagestore-${process.pid}`
  const found = await explore(new Program(program, ['shared file later', path]))
  rmSync(path)
  expect(found.warnings.filter((warning) => /^(mmap|mprotect):/.test(warning))).toEqual([])
})

test('without a filter the same calls are seen', async () => {
  const subject = new Program(program, ['umask'], { detachable: true })
  expect((await explore(subject)).warnings).toEqual([expect.stringMatching(/^umask: /)])
})

describe('the tables of calls', () => {
  test('have names alone that some processor has', () => {
    const isKnown = (name: string) => ['x64', 'arm64'].some((arch) => systemCallNumber(name, arch) !== undefined)
    expect([...listedCalls(), ...callsWithEffects()].filter((name) => !isKnown(name))).toEqual([])
  })

  test('name no call as harmless whose effect they describe', () => {
    const { isAlways } = harmlessCalls(false)
    expect(callsWithEffects().filter(isAlways)).toEqual([])
  })

  const call = (args: bigint[], kind: FileKind = 'lasting') => ({
    args,
    pid: 1,
    pathOf: () => '/a',
    hasOurFiles: true,
    isMemory: () => false,
    kindAt: () => kind,
    sharesFile: () => false,
    isEmptyAt: () => false,
    isUnchanged: () => true,
    isOfLibrary: () => false,
    keepsStack: () => true,
  })

  test('let calls on descriptors pass where these roll back, and no call that opens a file to change it', () => {
    const [without, withThem] = [harmlessCalls(false), harmlessCalls(true)]
    for (const name of ['read', 'write', 'dup2', 'close']) {
      expect([without.isAlways(name), withThem.isAlways(name)]).toEqual([false, true])
    }
    const [create, truncate, write, both, append] = [0o100n, 0o1000n, 1n, 2n, 0o2001n]
    for (const flags of [create, truncate, write, both, append]) {
      expect(withThem.isNow('openat', call([0n, 0n, flags]))).toBe(false)
      expect(withThem.isNow('openat', call([0n, 0n, flags], 'empty'))).toBe(true)
    }
    expect(withThem.isNow('openat', call([0n, 0n, 0n]))).toBe(true)
    expect(without.isNow('openat', call([0n, 0n, 0n]))).toBe(false)
  })

  test('let nobody read what is another each time', () => {
    expect(harmlessCalls(true).isNow('open', call([0n, 0n], 'varying'))).toBe(false)
  })

  test('let a file be cut by its path where we find it by that, too', () => {
    const { isNow } = harmlessCalls(true)
    expect([isNow('truncate', call([])), isNow('truncate', { ...call([]), hasOurFiles: false })]).toEqual([true, false])
    expect(harmlessCalls(false).isNow('truncate', call([]))).toBe(false)
  })

  test('let the time be read where it is that of a clock of the program alone', () => {
    for (const name of ['clock_gettime', 'gettimeofday', 'times', 'getrusage', 'sysinfo']) {
      expect([false, true].map((hasClock) => harmlessCalls(true, hasClock).isAlways(name))).toEqual([false, true])
    }
  })

  test('let the timer of SIGALRM pass where the program has a clock of its own', () => {
    for (const hasClock of [false, true]) {
      const { isNow } = harmlessCalls(true, hasClock)
      const ofTimer = (timer: bigint) => isNow('setitimer', call([timer, 8n]))
      expect([isNow('alarm', call([1n])), ofTimer(0n), ofTimer(1n)]).toEqual([hasClock, hasClock, false])
    }
  })

  test('take a mapping for private only if it is', () => {
    const { isNow } = harmlessCalls(true)
    const ofFile = (flags: bigint) => isNow('mmap', call([0n, 4096n, 3n, flags, 3n, 0n]))
    const [shared, private_, sharedValidate, droppable] = [1n, 2n, 3n, 8n]
    expect([private_, shared, sharedValidate, droppable].map(ofFile)).toEqual([true, false, false, false])
  })

  test('say of a call that nobody has described that what it changes stays', () => {
    expect(effectOf('syscall_999')).toMatch(/not rolled back/)
  })
})
