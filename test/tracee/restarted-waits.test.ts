// The kernel goes on with an interrupted wait by a call of its own (restart_syscall), which knows the last one alone: a
// snapshot that is taken before it has the wait itself.
import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const program = build('restarts.c')

test.each([
  ['breakpoint', false],
  ['breakpoint', true],
  ['entry', false],
  ['entry', true],
] as const)('a wait goes on from a snapshot at its restart (%s, detachable: %s)', (where, detachable) => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, [], { detachable })
  const until = (name: string) => ({ until: { address: tracee.symbol(name).address } })
  expect(tracee.resume(until('named_call')).kind).toBe('breakpoint')
  expect(tracee.resume({ timeout: 10 }).kind).toBe('timeout')
  tracee.resume(where === 'entry' ? { until: { syscall: true } } : until('named_call'))
  using sleeping = tracee.capture()
  expect(tracee.resume(until('behind_call')).kind).toBe('breakpoint')
  expect(tracee.resume(until('named_call')).kind).toBe('breakpoint')
  expect(tracee.resume({ timeout: 10 }).kind).toBe('timeout')
  tracee.restore(sleeping)
  let stop = tracee.resume()
  while (stop.kind === 'syscall') stop = tracee.resume()
  expect(stop).toMatchObject({ kind: 'exit', code: 0 })
})
