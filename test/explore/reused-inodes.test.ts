// An inode that a program's file had is another file's soon after that was removed: the two are never taken for one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('inodes.c', { flags: ['-g', '-O0'] })
const parent = ownFolder()

test.each([
  ['alone', 'at once'],
  ['alone', 'later'],
  ['alone, moved', 'at once'],
  ['alone, moved', 'later'],
  ['three', 'at once'],
  ['three', 'later'],
])('%s, %s: what is chosen is in a file that the program made after it had removed another one', async (how, when) => {
  const folder = mkdtempSync(join(parent, 'inodes-'))
  const { states, complete, violations } = await explore(new Program(program, [how, folder, when]))
  expect({ states, complete }).toEqual({ states: 5, complete: true })
  expect(violations).toMatchObject([{ kind: 'assertion', property: 'one was chosen', choices: [0, 1, 0] }])
  expect(readdirSync(folder)).toEqual([])
})

test('a file that gets another name while it is open is put back once it is closed', async () => {
  const folder = mkdtempSync(join(parent, 'inodes-'))
  const { states, complete, violations } = await explore(new Program(program, ['open, moved', folder]))
  expect({ states, complete }).toEqual({ states: 7, complete: true })
  expect(violations).toMatchObject([{ kind: 'assertion', property: 'one was chosen', choices: [0, 1, 0, 0] }])
  expect(readdirSync(folder)).toEqual([])
})

test.each([
  ['keeps', 'second'],
  ['closes', 'second'],
  ['keeps', 'first'],
  ['closes', 'first'],
])('%s %s: what another process made meanwhile is put back to what that wrote, and stays', async (how, name) => {
  const folder = mkdtempSync(join(parent, 'inodes-'))
  writeFileSync(join(folder, 'prepared'), '')
  const maker = spawn(program, ['maker', folder, name])
  const end = once(maker, 'exit')
  const { violations, complete } = await explore(new Program(program, [how, folder, name]))
  await end
  expect({ violations, complete }).toEqual({ violations: [], complete: true })
  expect(existsSync(join(folder, name))).toBe(true)
  expect(readFileSync(join(folder, name), 'latin1')).toBe('theirs')
})
