// Memory that the kernel may drop by itself cannot be tracked: it is compared each time, and all else is tracked. The C
// library of a present-day distribution has some of it as soon as a program has asked for a random number.
import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { refused } from '../support/refused.js'
import { build } from '../support/tracees.js'

const program = build('droppable.c')

test.each([undefined, 'none'] as const)(
  'beside other memory, and between two pieces of it (tracker: %s)',
  (tracker) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [], { stdio: [], tracker })
    const first = tracee.resume()
    // Before Linux 6.11 there is no such memory.
    if (first.kind === 'exit') return expect(first.code).toBe(77)
    const place = tracee.read(tracee.symbol('place').address, 8).readBigUInt64LE()
    const values = () => [...Array(6).keys()].map((page) => tracee.read(place + BigInt(page) * 4096n, 1)[0])
    const snapshots = [tracee.capture()]
    const wanted = [values()]
    for (let step = 1; step < 5; step++) {
      tracee.resume({ choose: 0 })
      snapshots.push(tracee.capture())
      wanted.push(values())
    }
    expect(wanted).toEqual([0, 1, 2, 3, 4].map((step) => Array(6).fill(step + 1)))
    expect(tracee.tracker).toBe(tracker ?? (refused.has('userfaultfd') ? 'none' : 'write-protect'))
    for (const [from, snapshot] of snapshots.entries()) {
      for (const [to, other] of snapshots.entries()) {
        tracee.restore(snapshot)
        tracee.restore(other)
        expect(values(), `${from} → ${to}`).toEqual(wanted[to])
        using again = tracee.capture()
        expect(again.key).toBe(other.key)
      }
    }
  },
)
