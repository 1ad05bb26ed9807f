import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { test as base, expect } from 'vitest'

import { buildExample } from '../support/examples.js'
import { ownFolder } from '../support/programs.js'

const folder = ownFolder()

function isThere(): boolean {
  try {
    execFileSync('spin', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const test = base.skipIf(!isThere())

test.each([
  ['jugs', []],
  ['philosophers', ['-DN=3']],
])('SPIN finds as many states of %s, and as many steps', async (name, flags) => {
  const cwd = mkdtempSync(join(folder, 'spin-'))
  execFileSync('spin', [...flags, '-a', join(import.meta.dirname, `../programs/spin/${name}.pml`)], { cwd })
  execFileSync('cc', ['-O1', '-w', '-DNOREDUCE', '-DSAFETY', '-o', 'pan', 'pan.c'], { cwd })
  const report = execFileSync('./pan', ['-c0'], { cwd, encoding: 'utf8' })
  const found = await explore(new Program(buildExample(`models/${name}`, flags)))
  expect(Number(/(\d+) states, stored/.exec(report)?.[1])).toBe(found.states)
  // It counts the initial state as a step.
  expect(Number(/(\d+) transitions/.exec(report)?.[1])).toBe(found.transitions + 1)
  expect(Number(/errors: (\d+)/.exec(report)?.[1])).toBe(found.deadlocks)
})
