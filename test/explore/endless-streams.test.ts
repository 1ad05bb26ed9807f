// Each use of a stream makes a further state, which nobody can go back past. A search that never has to do so would go on
// for ever: it is refused all the same, and says what for.
import { join } from 'node:path'

import { explore, Program, type Strategy } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('pumps.c')
const folder = ownFolder()

const strategies: Strategy[] = ['breadth', 'depth']
const cases = strategies.flatMap((strategy) =>
  ['pipe', 'socket', 'fifo'].flatMap((kind) =>
    [[], ['on one path alone']].map((more) => [strategy, kind, more] as const),
  ),
)

test.each(cases)('%s first: a %s that is used for ever, %j', async (strategy, kind, more) => {
  const path = join(folder, `${strategy}-${kind}-${more.length}`)
  const searched = explore(new Program(program, [kind, path, ...more]), { strategy, maxStates: 1000 })
  await expect(searched).rejects.toThrow(expect.objectContaining({ code: 'ERR_FILES' }))
})

test('one that is searched along random paths is refused at the second of them', async () => {
  const searched = explore(new Program(program, ['pipe', '']), {
    strategy: 'random',
    maxDepth: 10,
    maxTransitions: 100,
  })
  await expect(searched).rejects.toThrow(expect.objectContaining({ code: 'ERR_FILES' }))
})

test.each(strategies)('%s first: a file that is written for ever is no stream', async (strategy) => {
  const searched = explore(new Program(program, ['file', join(folder, strategy)]), { strategy, maxStates: 300 })
  expect(await searched).toMatchObject({ bound: 'states', states: 300, violations: [], warnings: [] })
})
