import { readFileSync } from 'node:fs'

import { PageStore } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { expectPutBack, expectRefused, filesProgram, next, openFiles } from '../support/open-files.js'

const { start } = filesProgram()

/** What is in the files that a process has open for writing. */
function contents(pid: number): string[] {
  return openFiles(pid)
    .filter((each) => /files\.|appended/.test(each))
    .map((each) => readFileSync(`/proc/${pid}/fd/${each.split(' ')[0]}`, 'latin1'))
}

describe.each([false, true])('detachable: %s', (detachable) => {
  test.each(['grow', 'grow-append', 'grow-pwrite', 'grow-elsewhere', 'idle-pipe'])(
    '%s: what was added to a file is cut off',
    (act) => {
      using store = new PageStore()
      using tracee = start(store, act, { detachable })
      expectPutBack(tracee, { look: contents, changes: true })
    },
  )

  test('a longer file is put back after it was cut', () => {
    using store = new PageStore()
    using tracee = start(store, 'grow', { detachable })
    using early = tracee.capture()
    next(tracee)
    const after = contents(tracee.pid)
    using late = tracee.capture()
    for (let i = 0; i < 2; i++) {
      tracee.restore(early)
      expect(contents(tracee.pid)).not.toEqual(after)
      tracee.restore(late)
      expect(contents(tracee.pid)).toEqual(after)
    }
  })

  test.each([
    ['inside', /descriptor 3 \(.*\) was changed inside/],
    ['inside-seek', /descriptor 3 \(.*\) was changed inside/],
    ['inside-pwrite', /descriptor 3 \(.*\) was changed inside/],
    ['inside-hole', /descriptor 3 \(.*\) was changed inside/],
    ['inside-no-append', /descriptor 5 \(.*\) was changed inside/],
    ['inside-pwritev2', /descriptor 3 \(.*\) was changed inside/],
    ['kernel-file', /descriptor 5 \(.*comm\) was written to/],
    ['shorter', /descriptor 3 \(.*\) was changed inside/],
    ['again', /descriptor 3 \(.*\) was changed inside/],
    ['pipe-read', /descriptor 5 \(pipe:.*\) has taken or given bytes/],
    ['pipe-write', /descriptor 5 \(pipe:.*\) has taken or given bytes/],
    ['socket-read', /descriptor 5 \(socket:.*\) has taken or given bytes/],
    ['socket-write', /descriptor 6 \(socket:.*\) has taken or given bytes/],
    ['eventfd', /descriptor 5 \(anon_inode:\[eventfd\]\) has another count/],
    ['epoll-add', /descriptor 7 \(anon_inode:\[eventpoll\]\) has another count, other members/],
    ['timerfd', /descriptor 5 \(anon_inode:\[timerfd\]\) has/],
    ['flock', /descriptor 3 \(.*\) has another count, other members or other locks/],
  ])('%s: refused, and the program is as it was', (act, message) => {
    using store = new PageStore()
    using tracee = start(store, act, { detachable })
    expectRefused(tracee, message)
  })
})
