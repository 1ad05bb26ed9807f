import { always, ByteModel, type Bytes, explore, Program, type State, sometimes } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { buildExample } from '../support/examples.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()

// Counts to 9 by ones and twos.
function counter(): Bytes {
  const state = new Uint8Array(1)
  return {
    state,
    alternatives: () => ((state[0] ?? 0) >= 9 ? -1 : 2),
    choose: (alternative) => {
      state[0] = (state[0] ?? 0) + alternative + 1
    },
  }
}
const count = (state: State) => state.uint8(0n)

test('a property that holds in every state is no violation, and one that holds in none is told', async () => {
  const found = await explore(new ByteModel(counter()), {
    properties: [
      always('at most ten', (state) => count(state) <= 10),
      sometimes('seven', (state) => count(state) === 7),
      sometimes('eleven', (state) => count(state) === 11),
    ],
  })
  expect(found).toMatchObject({ complete: true, states: 11, transitions: 18 })
  expect(found.violations).toEqual([{ kind: 'sometimes', property: 'eleven', choices: [] }])
  expect(found.reached).toMatchObject([{ property: 'seven', choices: expect.any(Array) }])
  expect(found.reached[0]?.choices).toHaveLength(4)
})

test('a violated property comes with a shortest path, and what changed on it', async () => {
  const found = await explore(new ByteModel(counter()), {
    properties: [always('never five', (state) => count(state) !== 5)],
  })
  expect(found.complete).toBe(true)
  expect(found.violations).toHaveLength(1)
  const [violation] = found.violations
  expect(violation).toMatchObject({ kind: 'always', property: 'never five' })
  expect(violation?.choices).toHaveLength(3)
  const values = violation?.steps?.map(({ changes }) => changes.map(({ before, after }) => `${before} ${after}`))
  let sum = 0
  const expected = violation?.choices.map((choice) => {
    const before = sum
    sum += choice + 1
    return [`${before} ${sum}`]
  })
  expect(values).toEqual(expected)
})

test('an unreached property is no violation of a search that was bounded', async () => {
  const found = await explore(new ByteModel(counter()), {
    maxDepth: 2,
    properties: [sometimes('nine', (state) => count(state) === 9)],
  })
  expect(found).toMatchObject({ complete: false, bound: 'depth', violations: [], reached: [] })
})

test('an error in a property ends the search and names the property', async () => {
  const properties = [
    always('broken', () => {
      throw new TypeError('what now?')
    }),
  ]
  await expect(explore(new ByteModel(counter()), { properties })).rejects.toThrow('in "broken": what now?')
  await expect(
    explore(new ByteModel(counter()), { properties: [always('a', () => true), always('a', () => true)] }),
  ).rejects.toMatchObject({ code: 'ERR_ARGUMENT_TYPE' })
})

test("a program's variables are read by their names and types", async () => {
  const program = compile(
    folder,
    'variables',
    `#include ${header}
struct { char tag; short half; int word; long long large; float single; double twice; } mixed = {-1, -2, -3, -4, 0.5f, 0.25};
int list[4] = {1, -2, 3, -4};
unsigned char small = 200;
int steps;
int main(void) {
  ps_state(&steps, sizeof steps);
  while (steps < 3) { ps_choose(1); ++steps; list[0] = steps; }
  return 0;
}`,
  )
  const seen: unknown[] = []
  const found = await explore(new Program(program), {
    properties: [
      always('look', (state) => {
        seen.push([
          state.kind,
          state.alternatives,
          state.depth,
          state.int32('steps'),
          state.int8('mixed'),
          state.int16('mixed', 2),
          state.int32('mixed', 4),
          state.int64('mixed', 8),
          state.float32('mixed', 16),
          state.float64('mixed', 24),
          state.int32s('list'),
          state.uint8('small'),
          state.int8('small'),
          state.bytes('small').length,
          /variables\.c:8$/.test(state.location),
        ])
        return true
      }),
    ],
  })
  expect(found).toMatchObject({ complete: true, states: 4, transitions: 3, violations: [] })
  const rest = [-1, -2, -3, -4n, 0.5, 0.25]
  expect(seen).toEqual([
    ['choice', 1, 0, 0, ...rest, [1, -2, 3, -4], 200, -56, 1, true],
    ['choice', 1, 1, 1, ...rest, [1, -2, 3, -4], 200, -56, 1, true],
    ['choice', 1, 2, 2, ...rest, [2, -2, 3, -4], 200, -56, 1, true],
    ['end', 0, 3, 3, ...rest, [3, -2, 3, -4], 200, -56, 1, false],
  ])
  await expect(
    explore(new Program(program), { properties: [always('none', (state) => state.int32('nowhere') === 0)] }),
  ).rejects.toMatchObject({ code: 'ERR_SYMBOL' })
})

test('the wolf eats nobody, and everybody comes across', async () => {
  const found = await explore(new Program(buildExample('models/wolf')), {
    properties: [
      always('the goat lives', (state) => {
        const [farmer, wolf, goat] = state.uint8s('bank')
        return goat === farmer || goat !== wolf
      }),
      sometimes('all across', (state) => state.uint8s('bank').every((side) => side === 1)),
    ],
  })
  expect(found.violations).toEqual([])
  expect(found.reached[0]?.choices).toHaveLength(7)
})

test('a path that cannot be taken again is reported without its steps, and with a warning', async () => {
  const state = new Uint8Array(1)
  let hasFailed = false // what is not rolled back
  const found = await explore(
    new ByteModel({
      state,
      alternatives: () => (hasFailed ? 1 : 2),
      choose(alternative) {
        hasFailed = alternative === 1 && state[0] === 1
        if (hasFailed) throw new Error('once')
        state[0] = 1
      },
    }),
    { first: true },
  )
  expect(found.violations).toMatchObject([{ kind: 'crash', property: 'Error: once', choices: [0, 1] }])
  expect(found.violations[0]?.steps).toHaveLength(2)
  let hasStarted = false
  const never = await explore(
    new ByteModel({
      state,
      alternatives: () => (hasStarted && state[0] === 1 ? 1 : 2),
      choose(alternative) {
        if (alternative === 1 && state[0] === 1) {
          hasStarted = true
          throw new Error('never again')
        }
        state[0] = 1
      },
    }),
    { first: true },
  )
  expect(never.violations).toMatchObject([{ kind: 'unfaithful', choices: [0, 1] }])
  expect(never.violations[0]?.steps).toBe(undefined)
  expect(never.warnings).toEqual([expect.stringMatching(/could not be taken a second time.*not deterministic/)])
})
