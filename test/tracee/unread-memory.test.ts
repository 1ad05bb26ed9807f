// Memory that nobody may read is tracked as all else is: what changes there nevertheless is noticed and put back.
import { PageStore, type Snapshot, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const program = build('unread.c')

// 1 MiB is write-protected as a whole; of 8 MiB, as of what is reserved, only the pages that exist.
test.each([1, 8].flatMap((mebibytes) => [undefined, 'none' as const].map((tracker) => [mebibytes, tracker] as const)))(
  '%s MiB (%s): written by the program and by the kernel, dropped, and read in the end',
  (mebibytes, tracker) => {
    using store = new PageStore()
    const tracee = Tracee.spawn(store, program, ['all', String(mebibytes)], {
      stdio: [],
      files: 'ignore',
      onWarning: () => undefined,
      tracker,
    })
    tracee.resume()
    const place = tracee.read(tracee.symbol('place').address, 8).readBigUInt64LE() + BigInt(mebibytes << 19)
    const values = (from: Snapshot | Tracee) => [0n, 4096n].map((offset) => from.read(place + offset, 1)[0])
    const snapshots = [tracee.capture()]
    const wanted = [[1, 0]]
    // The value is the number of the step that wrote it.
    for (const [way, seen] of [
      [0, [2, 0]],
      [1, [2, 3]],
      [3, [0, 3]],
      [1, [0, 5]],
      [0, [6, 5]],
    ] as const) {
      tracee.resume({ choose: way })
      expect(values(tracee)).toEqual(seen)
      snapshots.push(tracee.capture())
      wanted.push([...seen])
    }
    expect(snapshots.map(values)).toEqual(wanted)
    for (let from = 0; from < snapshots.length; from++) {
      for (let to = 0; to < snapshots.length; to++) {
        tracee.restore(snapshots[from]!)
        tracee.restore(snapshots[to]!)
        expect(values(tracee)).toEqual(wanted[to])
        const [first, second] = wanted[to]!
        expect(tracee.resume({ choose: 2 })).toMatchObject({ kind: 'exit', code: first! * 10 + second! })
      }
    }
  },
)
