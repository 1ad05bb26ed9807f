import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { beyond, nodesFloor, parseVersions, symbolVersions } from '../../scripts/glibc-floor.js'
import { root, tarball } from './support.js'

const prebuilds = ['prebuilds/linux-arm64/pagestore.glibc.node', 'prebuilds/linux-x64/pagestore.glibc.node']

/** What git has and what is made from it: anything else lay about on this machine. */
function isExpected(file: string, tracked: Set<string>): boolean {
  const source = file.replace(/^dist\/((?:lib|examples)\/.*)(\.d\.ts|\.js)$/, '$1.ts')
  return prebuilds.includes(file) || tracked.has(source)
}

test('the tarball has both addons and what is in git, is under 1.5 MB, and has no tests and no maps', () => {
  expect(statSync(tarball).size).toBeLessThan(1_500_000)
  const files = execFileSync('tar', ['tzf', tarball], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^package\//, ''))
  const tracked = new Set(execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n'))
  expect(files.filter((file) => !isExpected(file, tracked))).toEqual([])
  expect(files.filter((file) => /\.map$|\.test\.|(^|\/)(test|bench)\//.test(file))).toEqual([])
  expect(files).toEqual(expect.arrayContaining([...prebuilds, 'include/pagestore.h', 'THIRD-PARTY-NOTICES.md']))
})

test.each(prebuilds)('%s asks for nothing newer than what Node itself does', (file) => {
  const versions = symbolVersions(join(root, file))
  expect(versions.some((name) => /^GLIBC_2\.\d+$/.test(name))).toBe(true)
  expect(beyond(versions, nodesFloor)).toEqual([])
})

test('an addon that asks for more, or for what is no version, would be refused', () => {
  // As readelf prints it.
  const printed = `
  0x0010: Version: 1  File: libstdc++.so.6  Cnt: 2
  0x0020:   Name: GLIBCXX_3.4.9  Flags: none  Version: 7
  0x0030:   Name: CXXABI_1.3  Flags: none  Version: 6
  0x0040: Version: 1  File: libc.so.6  Cnt: 4
  0x0050:   Name: GLIBC_2.34  Flags: none  Version: 5
  0x0060:   Name: GLIBC_2.4  Flags: none  Version: 5
  0x0070:   Name: GLIBC_ABI_DT_RELR  Flags: none  Version: 4
  0x0080:   Name: GLIBC_PRIVATE  Flags: none  Version: 3`
  expect(beyond(parseVersions(printed), nodesFloor)).toEqual(['GLIBC_2.34', 'GLIBC_ABI_DT_RELR', 'GLIBC_PRIVATE'])
})

test.each([
  ['xxhash-addon/xxHash/xxhash.h', /Copyright[\s\S]*?SUCH DAMAGE\./],
  ['node-addon-api/LICENSE.md', /Copyright[\s\S]*/],
])('the notices have the licence of what is compiled in, word for word: %s', (file, licence) => {
  const notices = readFileSync(join(root, 'THIRD-PARTY-NOTICES.md'), 'utf8')
  const text = licence.exec(readFileSync(join(root, 'node_modules', file), 'utf8'))?.[0]
  const words = (text: string) =>
    text
      .replace(/^[\s>*]+/gm, ' ')
      .replace(/\s+/g, ' ')
      .trim()
  expect(words(notices)).toContain(words(text!))
})

test('what git ignores in prebuilds/ has a note that says what lands there', () => {
  const readme = readFileSync(join(root, 'prebuilds/README.md'), 'utf8')
  for (const file of prebuilds) {
    expect(existsSync(join(root, file))).toBe(true)
    expect(readme).toContain(file.replace('prebuilds/', ''))
  }
})
