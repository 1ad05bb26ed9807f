// Random steps with files, and restores in any order: contents, lengths and offsets are those of the snapshot, or the
// restore is refused and changes nothing.
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, PageStoreError, type Snapshot, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { pick, type Random, randomFrom } from '../support/machines.js'
import { next, openFiles } from '../support/open-files.js'
import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('file-steps.c')
const parent = ownFolder()
const rounds = Number(process.env['PAGESTORE_TEST_ROUNDS'] ?? 10)
const seeds = Array.from({ length: rounds }, () => Math.floor(Math.random() * 2 ** 32))
const names = ['log', 'other', 'made', 'long']

function randomAct(random: Random): string {
  const slot = random(4)
  const offset = pick(random, [0, 1, 5, 9, 4090, 4100, 9000])
  const text = pick(random, ['a', 'bc', 'def', 'x'.repeat(5000)])
  switch (random(12)) {
    case 0:
    case 1:
      return `o:${slot}:${pick(random, ['wa', 'wca', 'w', 'b', 'ba', 'wct', 'bt', 'r', 'bT'])}:${pick(random, names)}`
    case 2:
      return `c:${slot}`
    case 3:
      return `e:${slot}`
    case 4:
      return `l:${slot}:${offset}`
    case 5:
      return `p:${slot}:${offset}:${text}`
    case 6:
      return `t:${slot}:${offset}`
    case 7:
      return `a:${slot}:${random(2)}`
    case 8:
      return random(3) === 0 ? `T:${offset}:${pick(random, names)}` : `f:${slot}:${offset}:100`
    default:
      return `w:${slot}:${text}`
  }
}

function stepsOf(random: Random): string[][] {
  const first = ['o:0:wa:log', 'o:1:b:other', 'e:1', 'o:2:wct:made', 'o:3:r:long']
  const more = Array.from({ length: 8 }, () => Array.from({ length: random(4) }, () => randomAct(random)))
  return [first, ...more]
}

describe.each(seeds)('seed %i', (seed) => {
  test('each restore is right or refused', () => {
    const random = randomFrom(seed)
    const steps = stepsOf(random)
    const folder = mkdtempSync(join(parent, 'random-'))
    for (const name of names) writeFileSync(join(folder, name), name === 'long' ? 'y'.repeat(3 << 20) : 'at first')
    using store = new PageStore()
    const args = steps.flatMap((step) => [...step, '.'])
    const tracee = Tracee.spawn(store, program, args, { cwd: folder, stdio: [], onWarning: () => {} })
    const what = () => ({
      open: openFiles(tracee.pid),
      files: names.map((name) => {
        const path = join(folder, name)
        return existsSync(path) ? readFileSync(path, 'latin1') : ''
      }),
      unnamed: openFiles(tracee.pid)
        .filter((each) => each.includes('(deleted)'))
        .map((each) => readFileSync(`/proc/${tracee.pid}/fd/${each.split(' ')[0]}`, 'latin1')),
    })
    const snapshots: Snapshot[] = []
    const was: ReturnType<typeof what>[] = []
    let [now, restored] = [-1, 0]
    for (let i = 0; i < 60; i++) {
      if (now < 0 || (random(2) === 0 && now + 1 < steps.length)) {
        next(tracee)
        now++
        const snapshot = tracee.capture()
        if (now < was.length) snapshots[now]!.release()
        snapshots[now] = snapshot
        was[now] = what()
        continue
      }
      const to = random(snapshots.length)
      const before = what()
      try {
        tracee.restore(snapshots[to]!)
        now = to
        restored++
      } catch (error) {
        if (!(error instanceof PageStoreError) || error.code !== 'ERR_FILES') throw error
        expect(what(), error.message).toEqual(before)
        continue
      }
      expect(what(), `${to}: ${JSON.stringify(steps)}`).toEqual(was[to])
    }
    expect(restored).toBeGreaterThan(0)
  })
})
