import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { expect, test } from 'vitest'

import { isMusl, isMuslReport } from '../lib/addon/libc.js'
import { compile, ownFolder } from './support/programs.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = ownFolder()

/** Nodes that are linked with musl say nothing of glibc in their reports. */
const likeMusl = join(folder, 'like-musl.mjs')
writeFileSync(
  likeMusl,
  `const report = process.report.getReport()
delete report.header.glibcVersionRuntime
process.report.getReport = () => report`,
)

/** What importing the package says where its addon is looked for in `addons`. */
function said(addons: string, ...flags: string[]): string {
  const source = `import(${JSON.stringify(pathToFileURL(join(root, 'dist/lib/index.js')).href)})
    .then(() => console.log('loaded'), (error) => console.log(error.code, error.message))`
  const env = { ...process.env, PAGESTORE_PREBUILD: addons }
  return spawnSync(process.execPath, [...flags, '-e', source], { encoding: 'utf8', env }).stdout
}

test('a report without a version of glibc is that of a Node that is linked with musl', () => {
  expect(isMuslReport({})).toBe(true)
  expect(isMuslReport({ glibcVersionRuntime: '2.36' })).toBe(false)
  expect(isMusl()).toBe(false)
})

test('on musl an import without an addon says that what is shipped is for glibc', () => {
  expect(said('/nowhere', '--import', likeMusl)).toMatch(
    /^ERR_ADDON .*no addon in \/nowhere.* is for glibc, and this Node is linked with musl/,
  )
  expect(said('/nowhere')).toMatch(/^ERR_ADDON (?!.*musl)/)
})

test('so does one whose addon does not load', () => {
  mkdirSync(join(folder, 'build/Release'), { recursive: true })
  const library = compile(folder, 'other.so', 'int nothing;', '-shared', '-fPIC')
  copyFileSync(library, join(folder, 'build/Release/pagestore.node'))
  expect(said(folder, '--import', likeMusl)).toMatch(/^ERR_ADDON .*does not load: .* this Node is linked with musl/)
  expect(said(folder)).toMatch(/^ERR_ADDON .*does not load: (?!.*musl)/)
})
