// A program that writes to regular files is explored as one that does not: each path finds in its files what it wrote there.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('logs.c', { flags: ['-O1'] })
const folder = ownFolder()

describe.each(['breadth', 'depth'] as const)('%s first', (strategy) => {
  test.each([
    ['plain', 'a file that is open from the start'],
    ['append', 'one that is open for appending'],
    ['two', 'one that is written by two descriptors'],
    ['reopened', 'one that is opened for each line'],
    ['rewritten', 'one that is written anew each time'],
    ['cut', 'one that is cut now and then'],
  ])('%s: %s', async (way) => {
    const path = join(folder, `${way}-${strategy}`)
    writeFileSync(path, '')
    const found = await explore(new Program(program, [way, path]), { strategy })
    expect(found.violations).toEqual([])
    expect(found.complete).toBe(true)
    expect(found.states).toBe(way === 'rewritten' ? 7 : 15)
    if (!/reopened|rewritten/.test(way)) expect(found.warnings).toEqual([])
    if (!/reopened|rewritten/.test(way)) expect(readFileSync(path, 'latin1')).toBe('')
  })
})

test('what two states wrote tells them apart, though it is as long', async () => {
  const path = join(folder, 'keys')
  writeFileSync(path, '')
  const found = await explore(new Program(program, ['same length', path]))
  expect(found.warnings).toEqual([])
  expect(found.states).toBe(5)
})

test('a run finds the file as the search found it at its first choice, and so does whoever comes after all of them', async () => {
  const path = join(folder, 'verified')
  const before = 'from the day before'
  writeFileSync(path, before)
  for (let time = 0; time < 2; time++) {
    const found = await explore(new Program(program, ['append after', path]), { verify: true })
    // What fails on its own path fails in a fresh run, too.
    expect(found.violations).toMatchObject([{ kind: 'assertion', property: 'two are enough', choices: [1, 1, 1] }])
    expect(found.complete).toBe(true)
    expect(readFileSync(path, 'latin1')).toBe(before)
  }
})
