import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, WasmModel } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { truthOf } from '../support/wasm.js'

// Built by compilers that CI does not have; the head of each source says how.
function program(name: string): Uint8Array {
  return readFileSync(join(import.meta.dirname, '../programs/wasm', name))
}

const host = {
  env: {
    abort: () => {
      throw new Error('abort')
    },
  },
}

describe.each(['breadth', 'depth'] as const)('%s first', (strategy) => {
  test.each([
    ['of C, with malloc of wasi-libc', 'queue.wasm'],
    ['of Rust', 'vault.wasm'],
  ])('a module %s has as many states as when nothing is rolled back', async (_, name) => {
    const bytes = program(name)
    const truth = truthOf(bytes)
    expect(truth.sizes.length).toBeGreaterThan(1)
    const found = await explore(new WasmModel(bytes), { strategy, verify: true })
    expect(found).toMatchObject({ complete: true, states: truth.states, transitions: truth.transitions })
    expect(found.violations.map(({ choices }) => choices)).toEqual(truth.crashes > 0 ? [[0, 1, 2, 0]] : [])
  })

  test('so has one of AssemblyScript, whose variables are globals', async () => {
    // Counted in an instance for each path, of a copy in which binaryen had exported all globals.
    const found = await explore(new WasmModel(program('shelf.wasm'), { imports: host }), { strategy, verify: true })
    expect(found).toMatchObject({ complete: true, states: 140, transitions: 162 })
    expect(found.violations).toMatchObject([{ kind: 'crash', property: 'Error: abort', choices: [0, 0, 0, 0, 2] }])
  })
})
