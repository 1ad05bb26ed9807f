// What a program gave up with MADV_FREE may vanish until somebody writes to it: a restore to before writes it.
import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const program = build('freed.c')

test('pages that were freed, and put back as they were, do not vanish when the kernel needs memory', () => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, [], { stdio: [] })
  tracee.resume()
  const before = tracee.capture()
  tracee.resume({ choose: 0 })
  const freed = tracee.capture()
  // The second time by a way on which nothing runs in between.
  for (const path of [[before], [freed, before]]) {
    for (const snapshot of path) tracee.restore(snapshot)
    expect(tracee.resume({ choose: 1 })).toMatchObject({ kind: 'exit', code: 0 })
    tracee.restore(before)
    tracee.resume({ choose: 0 })
  }
})
