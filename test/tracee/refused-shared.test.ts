// Shared memory without a name cannot be mapped once more: a restore that would have to says so, and harms nothing.
import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const program = build('shared-twice.c')

test.each([undefined, 'none'] as const)(
  'refused, and other snapshots can be restored after it (tracker: %s)',
  (tracker) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [], { stdio: [], tracker })
    const refused = expect.objectContaining({ code: 'ERR_MAPPING', message: expect.stringContaining('0x') })
    tracee.resume()
    const both = tracee.capture()
    tracee.resume({ choose: 0 })
    const written = tracee.capture()
    tracee.restore(both)
    expect(tracee.capture().key).toBe(both.key)
    tracee.restore(written)
    tracee.resume({ choose: 1 })
    const one = tracee.capture()
    for (let round = 0; round < 2; round++) {
      for (const snapshot of [both, written]) expect(() => tracee.restore(snapshot)).toThrow(refused)
      expect(tracee.capture().key).toBe(one.key)
      tracee.restore(one)
    }
    tracee.resume({ choose: 0 })
    tracee.restore(one)
    expect(tracee.capture().key).toBe(one.key)
  },
)
