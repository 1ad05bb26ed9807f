/** Neither what makes a state nor what a restore undoes depends on how the kernel splits, merges and names mappings. */
import { PageStore, Tracee } from 'pagestore'
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { trackers as all } from '../support/local-sources.js'
import { build } from '../support/tracees.js'

const trackers = all.filter((tracker) => tracker !== 'soft-dirty')
const steps = 4
const up = (most: number) => (level: number, way: number) =>
  way === 1 ? Math.min(level + 1, most) : way === 2 ? Math.max(level - 1, 0) : level
const last = (level: number, way: number) => (way === 0 ? level : way)

/** What `level` becomes, as in `mappings.c`. */
const acts: Record<string, (level: number, way: number) => number> = {
  'brk-pages': up(steps),
  'brk-bytes': up(1),
  'above-heap': up(1),
  within: up(1),
  neighbours: last,
  remapped: up(1),
  passing: () => 0,
  growing: (level, way) => (way === 2 ? 0 : level + way),
  'below-stack': (level, way) => (way === 2 ? 0 : way === 1 ? 1 : level),
  'locked-stack': (level, way) => (way === 2 ? 0 : way === 1 ? 1 : level),
}

/** How many states and transitions the program has. */
function count(act: (level: number, way: number) => number): { states: number; transitions: number } {
  let levels = new Set([0])
  let [states, transitions] = [1, 0]
  for (let step = 0; step < steps; ++step) {
    transitions += 3 * levels.size
    levels = new Set([...levels].flatMap((level) => [0, 1, 2].map((way) => act(level, way))))
    states += levels.size
  }
  return { states, transitions }
}

describe.each(['-O0', '-O1', '-O2'])('%s', (level) => {
  const program = build('mappings.c', { flags: [level] })

  test.each(Object.entries(acts))('%s: as many states as the program has', async (name, act) => {
    for (const strategy of ['breadth', 'depth'] as const) {
      const found = await explore(new Program(program, [name]), { strategy, verify: true })
      expect(found).toMatchObject({ complete: true, violations: [], ...count(act) })
    }
  })

  test('a heap that grows and is trimmed is the same in every order of search', async () => {
    const search = (strategy: 'breadth' | 'depth') =>
      explore(new Program(program, ['heap']), { strategy, verify: true })
    const [breadth, depth] = [await search('breadth'), await search('depth')]
    expect(breadth).toMatchObject({ complete: true, violations: [] })
    expect(depth).toMatchObject({ states: breadth.states, transitions: breadth.transitions, violations: [] })
  })
})

test.each(trackers.flatMap((tracker) => ['heap', ...Object.keys(acts)].map((name) => [name, tracker] as const)))(
  '%s, tracker %s: every state is put back from every other one',
  (name, tracker) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, build('mappings.c'), [name], { tracker })
    tracee.resume()
    const start = tracee.capture()
    const snapshots = [[], [1], [1, 1], [2], [1, 2], [0, 1, 2]].map((path) => {
      tracee.restore(start)
      for (const choose of path) tracee.resume({ choose })
      return tracee.capture()
    })
    for (const from of snapshots) {
      for (const to of snapshots) {
        tracee.restore(from)
        tracee.restore(to)
        expect(tracee.regions).toEqual(to.regions)
        using again = tracee.capture()
        expect(again.equals(to)).toBe(true)
        expect(again.key).toBe(to.key)
      }
    }
  },
)
