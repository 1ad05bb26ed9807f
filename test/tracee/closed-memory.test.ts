// Shared memory that the program may not write, or not even read, is put back all the same, and so is its protection.
import { PageStore, type Snapshot, type SpawnOptions, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { next } from '../support/open-files.js'
import { build } from '../support/tracees.js'

const program = build('closed-memory.c')

/** A snapshot after each of so many steps, and what was there then. */
function run(store: PageStore, how: string, steps: number, options: SpawnOptions = {}) {
  const tracee = Tracee.spawn(store, program, [how], { stdio: [], ...options })
  const { address } = tracee.symbol('place')
  const seen = () => {
    const place = tracee.read(address, 8).readBigUInt64LE()
    const shared = tracee.regions.filter(({ permissions }) => permissions.endsWith('s'))
    return {
      value: tracee.read(place + 4096n, 1)[0],
      mappings: shared.map(({ start, end, permissions }) => `${start} ${end} ${permissions}`),
    }
  }
  const snapshots: Snapshot[] = []
  const was: ReturnType<typeof seen>[] = []
  for (let i = 0; i < steps; i++) {
    next(tracee)
    snapshots.push(tracee.capture())
    was.push(seen())
  }
  return { tracee, seen, snapshots, was }
}

test.each([
  ['anonymous', 'without a name, protected now and then'],
  ['protected', 'a memfd, protected now and then'],
  ['twice', 'a memfd that is mapped once more to be written'],
  ['by descriptor', 'a memfd that is written by a descriptor'],
  ['attached', 'of System V, attached once more to be written'],
])('%s: %s', (how) => {
  using store = new PageStore()
  const { tracee, seen, snapshots, was } = run(store, how, 5)
  expect(was.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4])
  for (let from = 0; from < 5; from++) {
    for (let to = 0; to < 5; to++) {
      tracee.restore(snapshots[from]!)
      tracee.restore(snapshots[to]!)
      expect(seen()).toEqual(was[to])
      using again = tracee.capture()
      expect(again.equals(snapshots[to]!)).toBe(true)
      expect(again.key).toBe(snapshots[to]!.key)
    }
  }
})

test.each(['restore', 'ignore'] as const)(
  'where nobody may write it any more, that is found before anything changes (files: %s)',
  (files) => {
    using store = new PageStore()
    const { tracee, seen, snapshots, was } = run(store, 'sealed', 2, { files, onWarning: () => undefined })
    expect(() => tracee.restore(snapshots[0]!)).toThrow(expect.objectContaining({ code: 'ERR_MAPPING' }))
    expect(seen()).toEqual(was[1])
    tracee.restore(snapshots[1]!)
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 0 })
  },
)
