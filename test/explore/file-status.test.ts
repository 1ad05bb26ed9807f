// When a file was changed or read, its holes, its blocks and what a write takes away do not roll back: who asks for them is
// named, and nobody else.
import { lutimesSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { areBefore } from '../../lib/linux/file-times.js'
import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const folder = ownFolder()
const old = join(folder, 'old')
writeFileSync(old, 'a')

let count = 0
/** What was there before, and was not read for long. */
const entries = {
  folder() {
    const path = join(folder, `folder-${count++}`)
    mkdirSync(path)
    utimesSync(path, 1000, 1000)
    return path
  },
  link(target: string) {
    const path = join(folder, `link-${count++}`)
    symlinkSync(target, path)
    lutimesSync(path, 1000, 1000)
    return path
  },
}

async function search(program: string, way: string, entry = '') {
  const { warnings, complete, violations } = await explore(new Program(program, [way, folder, old, entry]))
  expect(complete).toBe(true)
  return {
    subjects: warnings.map((warning) => warning.split(':')[0]),
    isLacking: violations[0]?.property === 'exit(77)',
  }
}

async function subjectsOf(program: string, way: string, entry?: string) {
  return (await search(program, way, entry)).subjects
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
    ['status of a path in another encoding', /^(newfstatat|lstat)$/],
    ['status from a folder', /^newfstatat$/],
    ['time of a cut', /^statx$/],
    ['attributes', /^listxattr$/],
  ])('%s: %s is named', async (way, call) => {
    expect(await subjectsOf(program, way)).toContainEqual(expect.stringMatching(call))
  })

  test.each([
    ['folder', () => entries.folder()],
    ['link', () => entries.link(old)],
    ['link', () => entries.link('/there is none')],
  ])('%s: who asks when it was read is named', async (way, make) => {
    const entry = make()
    // As long as the clock stands still.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await subjectsOf(program, way, entry)).toContainEqual(expect.stringMatching(/^(newfstatat|stat|lstat)$/))
  })

  test('a capability that a write takes away: who asks for it is named', async ({ skip }) => {
    const { subjects, isLacking } = await search(program, 'capability')
    skip(isLacking, 'we may not set one')
    expect(subjects).toEqual(['fgetxattr'])
  })

  test.each(['status of an old file', 'stream', 'streams of folders'])('%s: no call is named', async (way) => {
    const entry = entries.folder()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await subjectsOf(program, way, entry)).toEqual([])
  })
})

describe('times that are rounded', () => {
  const since = Date.UTC(2026, 3, 5, 6, 7, 8, 500)
  const times = (mtimeMs: number, ctimeMs = 1.5, atimeMs = 1.5) => ({ mtimeMs, ctimeMs, atimeMs })

  test.each([
    ['that very second', times(since - 500)],
    ['the even second before', times(since - 1500 + 1000)],
    ['a second that was two long', times(since - 1500)],
    ['that hundredth', times(since - 0.25 - ((since - 0.25) % 10))],
    ['a second, of any change', times(1.5, since - 500)],
    ['a second, when it was read', times(1.5, 1.5, since - 500)],
    ['the day on which it was read', times(1.5, 1.5, Date.UTC(2026, 3, 5))],
    ['that day, elsewhere', times(1.5, 1.5, Date.UTC(2026, 3, 4, 18, 30))],
  ])('%s may be a moment after', (_what, found) => {
    expect(areBefore(found, since)).toBe(false)
  })

  test.each([
    ['a second that was over', times(since - 2500)],
    ['a moment that was not rounded', times(since - 0.75)],
    ['the day before', times(1.5, 1.5, Date.UTC(2026, 3, 4))],
  ])('%s was before', (_what, found) => {
    expect(areBefore(found, since)).toBe(true)
  })
})
