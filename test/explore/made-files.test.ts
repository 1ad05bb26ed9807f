// What a program makes by a name stays when it is rolled back, and is named. Once the search is over it is taken away, so
// that neither a run that confirms a violation nor the next search finds it.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('names.c')
const parent = ownFolder()

describe.each(['file', 'folder', 'file in folders', 'temporary'])('%s', (how) => {
  test('what a path finds of another one is no fault of the program, and a warning explains it', async () => {
    const folder = mkdtempSync(join(parent, 'made-'))
    writeFileSync(join(folder, 'of others'), 'there before')
    for (let time = 0; time < 2; time++) {
      const found = await explore(new Program(program, [how, folder]))
      expect(found.violations.filter(({ kind }) => kind !== 'unfaithful')).toEqual([])
      expect(found.warnings).toContainEqual(expect.stringMatching(/^(openat|mkdir): /))
      expect(readdirSync(folder)).toEqual(['of others'])
    }
  })

  test('what it does itself recurs in a fresh run, time after time', async () => {
    const folder = mkdtempSync(join(parent, 'made-'))
    for (let time = 0; time < 2; time++) {
      const found = await explore(new Program(program, [how, folder, 'fails']), { verify: true })
      expect(found.violations[0]).toMatchObject({ kind: 'assertion', property: 'one was chosen' })
      expect(readdirSync(folder)).toEqual([])
    }
  })
})

test.each(['moved over', 'swapped'])('%s: what others had in a file is still there, by whatever name', async (how) => {
  const folder = mkdtempSync(join(parent, 'made-'))
  writeFileSync(join(folder, 'of others'), 'there before')
  await explore(new Program(program, [how, folder])).catch(() => undefined)
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'))
  expect(texts).toContain('there before')
})

test('what has another name, too, stays', async () => {
  const folder = mkdtempSync(join(parent, 'made-'))
  await explore(new Program(program, ['linked', folder]))
  expect(readdirSync(folder).sort()).toEqual(['linked', 'made'])
})
