/**
 * Random programs, whose variables live in odd homes, against a search of the same machine in TypeScript: what fails is
 * found by a shortest path exactly if it can be reached, and with declared variables all counts are equal.
 *
 * `PAGESTORE_TEST_ROUNDS` says how many programs, `PAGESTORE_TEST_SEED` from which seed on.
 */
import { type Exploration, explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { homes, type MachineProgram, places, randomProgram } from '../support/machine-programs.js'
import { type Found, search } from '../support/machines.js'
import { compile, ownFolder } from '../support/programs.js'
import { includes } from '../support/tracees.js'

const rounds = Number(process.env['PAGESTORE_TEST_ROUNDS'] ?? 24)
const firstSeed = Number(process.env['PAGESTORE_TEST_SEED'] ?? 1)
const folder = ownFolder()

const anywhere = { homes: Object.keys(homes), places: Object.keys(places) }

/** What is compared, of a search by either side. */
function summaryOf(found: Exploration | Found, counts: boolean): Record<string, unknown> {
  const isOurs = 'complete' in found
  const failures = isOurs
    ? found.violations.map(({ kind, property, choices }) => `${kind} ${property} after ${choices.length}`)
    : found.failure !== undefined
      ? [`assertion bad after ${found.failure}`]
      : []
  const { states, transitions, depth } = found
  const warnings = isOurs ? found.warnings : []
  return {
    complete: isOurs ? found.complete : true,
    failures,
    warnings,
    ...(counts ? { states, transitions, depth } : {}),
  }
}

async function check(program: MachineProgram): Promise<void> {
  const { seed, source, machine, optimized, canDeclare, warns } = program
  const file = compile(folder, `machine-${seed}`, source, optimized, '-g', ...includes, '-lm')
  const truth = search(machine)
  const bounds = { maxStates: 20 * truth.states + 1000 }
  const plain = await explore(new Program(file), bounds)
  if (!warns || plain.warnings.length === 0) {
    expect(summaryOf(plain, false), `without ps_state:\n${source}`).toEqual(summaryOf(truth, false))
  }
  if (!canDeclare) return
  const declared = await explore(new Program(file, ['declare']), bounds)
  expect(summaryOf(declared, true), `with ps_state:\n${source}`).toEqual(summaryOf(truth, true))
}

describe('programs are searched as their machines are', () => {
  test.each(Array.from({ length: rounds }, (_, i) => firstSeed + i))('seed %i', async (seed) => {
    await check(randomProgram(seed, anywhere))
  })
})
