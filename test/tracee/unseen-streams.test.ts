// Whatever a program does to a stream that a snapshot has, by whichever call and number, is refused or harmless.
import { PageStore, type SpawnOptions, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { expectPutBack, next } from '../support/open-files.js'
import { ownFolder } from '../support/programs.js'
import { refused as calls } from '../support/refused.js'
import { build } from '../support/tracees.js'

const folder = ownFolder()
const program = build('streams.c', { flags: ['-O2', '-lrt'] })

function start(store: PageStore, act: string, options: SpawnOptions = {}): Tracee {
  const tracee = Tracee.spawn(store, program, [act], { cwd: folder, stdio: [], ...options })
  next(tracee)
  return tracee
}

const movedBytes = /descriptor \d+ \(.*\) has taken or given bytes since the snapshot/
const wasClosed = /descriptor \d+ \(.*\) was closed since the snapshot/
const hasAnother = /descriptor \d+ \(.*\) has another count, other members or other locks/
const wasChanged = /descriptor \d+ \(.*some file.*\) was changed inside/

const underOtherNumbers = [
  'dup-read',
  'dup2-read',
  'dup3-read',
  'fcntl-above-read',
  'fcntl-cloexec-read',
  'taken-read',
  'reopened-read',
  'dev-fd-read',
  'sent-read',
  'sent-many-read',
  'dup-write',
  'thread',
  'fifo-reopened',
  'terminal-reopened',
]
const byOtherCalls = [
  'splice',
  'tee',
  'vmsplice',
  'socket-sendfile',
  'aio',
  'readv',
  'preadv2',
  'pwritev2',
  'socket-recvmmsg',
  'socket-sendmmsg',
  'datagram-take',
  'datagram-take-read',
  'datagram-give',
  'packets-give',
  'socket-shutdown',
  'socket-option',
  'listen',
  'bind',
  'accept',
  'connect',
  'pipe-size',
  'timerfd-read',
  'signalfd',
  'inotify',
  'epoll-once',
  'epoll-edge',
  'terminal-size',
  'terminal-mode',
  'terminal-read',
  'queue-give',
  'queue-take',
]

// As in a container: no program takes a duplicate by pidfd_getfd, and a stream that another number stands for, or whose
// other end is closed, is not known to be as it was.
const isPossible = (act: string) => act !== 'taken-read' || !calls.has('pidfd_getfd')
const isTold = (act: string) => !calls.has('kcmp') || !['moved', 'moved-read', 'socket-end'].includes(act)

const refused: [string, RegExp][] = [
  ...underOtherNumbers.map((act): [string, RegExp] => [act, movedBytes]),
  ...byOtherCalls.map((act): [string, RegExp] => [act, movedBytes]),
  ['splice-file', movedBytes],
  ['file-dup', wasChanged],
  ['file-dup-seek', wasChanged],
  ['sendfile-out', wasChanged],
  ['file-copied', wasChanged],
  ['eventfd-read', hasAnother],
  ['eventfd-other', wasClosed],
  ['timerfd-other', wasClosed],
  ['epoll-other', wasClosed],
  ['epoll-dup', hasAnother],
  ['epoll-twins', wasClosed],
  ['moved-read', hasAnother],
  ['fifo-emptied', wasClosed],
]

describe.each([false, true])('detachable: %s', (detachable) => {
  test.each(refused.filter(([act]) => isPossible(act) && isTold(act)))(
    '%s: refused, and the program is as it was',
    (act, message) => {
      using store = new PageStore()
      using tracee = start(store, act, { detachable })
      using before = tracee.capture()
      next(tracee)
      expect(() => tracee.restore(before)).toThrow(expect.objectContaining({ code: 'ERR_FILES' }))
      expect(() => tracee.restore(before)).toThrow(message)
      using after = tracee.capture()
      tracee.restore(after)
      using again = tracee.capture()
      expect(again.equals(after)).toBe(true)
      expect(again.key).toBe(after.key)
    },
  )

  const undone = [
    'nothing-read',
    'at-end',
    'socket-end',
    'socket-peek',
    'socket-no-error',
    'look',
    'terminal-look',
    'unused-dup',
    'copied-from',
    'memory-twice',
    'memory-mapped',
    'epoll-level',
    'pair-of-its-own',
    'moved',
  ]
  test.each(undone.filter(isTold))('%s: what leaves streams as they were is undone', (act) => {
    using store = new PageStore()
    using tracee = start(store, act, { detachable })
    expectPutBack(tracee)
  })
})

test('with files: ignore a warning says so', () => {
  using store = new PageStore()
  const warnings: string[] = []
  using tracee = start(store, 'splice', { files: 'ignore', onWarning: (text) => warnings.push(text) })
  using before = tracee.capture()
  next(tracee)
  tracee.restore(before)
  expect(warnings).toEqual([expect.stringMatching(/is not as it was: files are ignored/)])
})
