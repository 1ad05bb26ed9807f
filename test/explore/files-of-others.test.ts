// What is not a program's own is never emptied nor removed, whatever a path seemed to say before or after a call.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('not-own.c', { flags: ['-O1', '-g'] })
const parent = ownFolder()

function prepare(before: string): { folder: string; contents: () => string | undefined } {
  const folder = mkdtempSync(join(parent, 'others-'))
  const path = join(folder, 'theirs')
  writeFileSync(path, before)
  return { folder, contents: () => (existsSync(path) ? readFileSync(path, 'latin1') : undefined) }
}

test.each([
  ['in a root', '', []],
  ['in a root', 'there before', []],
  ['in a root', 'there before', ['cut']],
  ['above a root', '', []],
  ['above a root', 'there before', ['cut']],
  ['by its own link', '', []],
])('a file that a path leads to %s, with "%s" in it, is put back and stays (%j)', async (how, before, cut) => {
  const { folder, contents } = prepare(before)
  const { violations, complete } = await explore(new Program(program, [how, folder, 'mine', ...cut]))
  expect({ violations, complete }).toEqual({ violations: [], complete: true })
  expect(contents()).toBe(before)
})

test('one that was cut before anybody could see what was in it is not taken for a new one', async () => {
  const { folder, contents } = prepare('there before')
  const subject = new Program(program, ['by its own link', folder, 'mine', 'cut'])
  await expect(explore(subject)).rejects.toMatchObject({ code: 'ERR_FILES' })
  expect(contents()).toBe('mine')
})

test('a folder that the path means once the call that made another one has returned is not removed', async () => {
  const folder = mkdtempSync(join(parent, 'others-'))
  const path = join(parent, 'path')
  mkdirSync(join(folder, 'theirs'))
  writeFileSync(path, Buffer.alloc(16))
  const other = spawn(program, ['change path', folder, path])
  try {
    await explore(new Program(program, ['folder', folder, path]))
  } finally {
    other.kill('SIGKILL')
  }
  expect(readdirSync(folder)).toEqual(['theirs'])
})
