// When a file was changed, its holes and its blocks do not roll back: who asks for them is named, and nobody else.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const folder = ownFolder()
const old = join(folder, 'old')
writeFileSync(old, 'a')

async function subjectsOf(program: string, way: string) {
  const { warnings, complete } = await explore(new Program(program, [way, folder, old]))
  expect(complete).toBe(true)
  return warnings.map((warning) => warning.split(':')[0])
}

describe.each([
  ['dynamic', build('file-status.c', { flags: ['-O1'] })],
  ['static', build('file-status.c', { flags: ['-O1', '-static'] })],
])('%s', (_, program) => {
  test.each([
    ['hole', /^lseek$/],
    ['punched hole', /^lseek$/],
    ['blocks', /^(newfstatat|fstat)$/],
    ['blocks', /^fallocate$/],
    ['status of a descriptor', /^(newfstatat|fstat)$/],
    ['status of a path', /^(newfstatat|lstat)$/],
    ['status from a folder', /^newfstatat$/],
    ['time of a cut', /^statx$/],
  ])('%s: %s is named', async (way, call) => {
    expect(await subjectsOf(program, way)).toContainEqual(expect.stringMatching(call))
  })

  test.each(['status of an old file', 'stream'])('%s: no call is named', async (way) => {
    expect(await subjectsOf(program, way)).toEqual([])
  })
})
