import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { buildExample } from '../support/examples.js'
import { refused } from '../support/refused.js'

interface Count {
  states: number
  /** Undefined where nobody has published one. */
  transitions?: number | undefined
  deadlocks?: number
}

// What is known of each from elsewhere; a step is what the head of its file says.
const models: [name: string, flags: string[], count: Count][] = [
  ...[6, 14, 34, 82, 198, 478, 1154].map((states, i): [string, string[], Count] => [
    'models/philosophers',
    [`-DN=${i + 2}`],
    { states, deadlocks: 1 },
  ]),
  ...[3, 4, 5, 6, 7, 8].map((n): [string, string[], Count] => [
    'models/philosophers',
    [`-DN=${n}`, '-DSINGLY'],
    { states: 3 ** n - 1, deadlocks: 1 },
  ]),
  ...[5, 12, 29, 70, 169].map((states, i): [string, string[], Count] => [
    'models/philosophers',
    [`-DN=${i + 2}`, '-DREVERSED'],
    { states },
  ]),
  ...[3, 4, 5, 6, 7, 8, 9].map((n): [string, string[], Count] => [
    'models/hanoi',
    [`-DN=${n}`],
    { states: 3 ** n, transitions: 3 ** (n + 1) - 3 },
  ]),
  ['models/missionaries', [], { states: 16, transitions: 34 }],
  ['models/wolf', [], { states: 10, transitions: 20 }],
  ['models/jugs', [], { states: 16, transitions: 96 }],
  ['models/commit', [], { states: 288, transitions: 1145 }],
  // Half of the 6! positions of the smaller puzzle; 7 neighbours within two rows of three.
  ['models/puzzle', ['-DROWS=2'], { states: 360, transitions: 840 }],
]

async function counts(program: string, strategy: 'breadth' | 'depth', { states, transitions, deadlocks = 0 }: Count) {
  const found = await explore(new Program(program), { strategy })
  expect(found).toMatchObject({ complete: true, states, deadlocks })
  if (transitions !== undefined) expect(found.transitions).toBe(transitions)
  expect(found.violations.map(({ kind }) => kind)).toEqual(deadlocks > 0 ? ['deadlock'] : [])
}

const ways: [strategy: 'breadth' | 'depth', optimized: string, ballast: number][] = [
  ['breadth', '-O2', 0],
  ['depth', '-O0', 0],
  ['breadth', '-O0', 16],
  ['depth', '-O2', 16],
]

/** Where all memory is compared at each step, as in a container, large memory is for small models. */
function isAffordable(ballast: number, { states }: Count): boolean {
  return !refused.has('userfaultfd') || ballast === 0 || states < 500
}

describe.each(models)('%s %j has as many states as it is known to have', (name, flags, count) => {
  test.each(ways.filter(([, , ballast]) => isAffordable(ballast, count)))(
    '%s first, %s, %i MB of ballast',
    async (strategy, optimized, ballast) => {
      await counts(buildExample(name, [optimized, ...flags], ballast), strategy, count)
    },
  )
})

test('all 181 440 positions of the 8-puzzle are found, by 483 840 moves', async () => {
  await counts(buildExample('models/puzzle'), 'breadth', { states: 181_440, transitions: 483_840 })
})
