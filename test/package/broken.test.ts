import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { newFolder, root, run, tarball } from './support.js'

const prebuilt = `prebuilds/linux-${process.arch}/pagestore.glibc.node`
const other = `prebuilds/linux-${process.arch === 'x64' ? 'arm64' : 'x64'}/pagestore.glibc.node`

/** The package, unpacked where it can be spoiled, with what it depends on. */
function unpack(folder: string): string {
  run('tar', ['xzf', tarball], folder)
  const installed = join(folder, 'project/node_modules/pagestore')
  mkdirSync(join(folder, 'project/node_modules'), { recursive: true })
  cpSync(join(folder, 'package'), installed, { recursive: true })
  cpSync(join(root, 'node_modules/node-gyp-build'), join(folder, 'project/node_modules/node-gyp-build'), {
    recursive: true,
  })
  return installed
}

/** What importing it says. */
function said(folder: string, env: NodeJS.ProcessEnv = {}): string {
  const source =
    "import('pagestore').then(() => console.log('loaded'), (error) => console.log(error.code, error.message))"
  const { stdout, signal } = spawnSync(process.execPath, ['-e', source], {
    cwd: join(folder, 'project'),
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  expect(signal).toBe(null)
  return stdout
}

test.each([0, 40, 4096, 200_000])(
  'an addon of which %d bytes are left is an error, and not the end of the process',
  (size) => {
    using folder = newFolder()
    const installed = unpack(folder.path)
    expect(said(folder.path)).toBe('loaded\n')
    truncateSync(join(installed, prebuilt), size)
    expect(said(folder.path)).toMatch(/^ERR_ADDON .*pagestore\.glibc\.node is not whole: install it again/)
  },
)

test('an addon for another processor, or of another kind, is an error that says so', () => {
  using folder = newFolder()
  const installed = unpack(folder.path)
  copyFileSync(join(installed, other), join(installed, prebuilt))
  expect(said(folder.path)).toMatch(/^ERR_ADDON .*glibc\.node is for another processor/)
  expect(said(folder.path, { PAGESTORE_PREBUILD: '/nowhere' })).toMatch(/^ERR_ADDON .*: no addon in \/nowhere: neither/)
  expect(said(folder.path, { LIBC: 'musl' })).toMatch(/^ERR_ADDON .*is for glibc, and this Node is linked with musl/)
})

test('a bundle of it says that it must stay outside, whatever it lies in', () => {
  using folder = newFolder()
  const installed = unpack(folder.path)
  // What a bundler makes of it: its code elsewhere, in a package that has an addon of its own.
  const theirs = join(folder.path, 'project/theirs')
  cpSync(join(installed, 'dist'), join(theirs, 'dist'), { recursive: true })
  writeFileSync(join(theirs, 'package.json'), '{ "name": "theirs", "type": "module" }')
  writeFileSync(join(theirs, 'binding.gyp'), '{}')
  mkdirSync(join(theirs, 'build/Release'), { recursive: true })
  copyFileSync(join(installed, prebuilt), join(theirs, 'build/Release/theirs.node'))
  rmSync(installed, { recursive: true })
  const source = "import('./theirs/dist/lib/index.js').catch((error) => console.log(error.code, error.message))"
  expect(run(process.execPath, ['-e', source], join(folder.path, 'project')).stdout).toMatch(
    /^ERR_ADDON .*a bundler must leave it outside of the bundle/,
  )
})

test.each([
  ['a compiler with words of its own', { CXX: ' g++  -m64' }, /^$/],
  ['Python where node-gyp looks next', { PYTHON: '/nonexistent' }, /^$/],
  ['no Python where it was told to look', { NODE_GYP_FORCE_PYTHON: '/nonexistent' }, /- Python 3\n/],
  ['a compiler that compiles nothing', { CXX: '/bin/false' }, /- a C\+\+20 compiler/],
  ['a C compiler that compiles nothing', { CC: '/bin/false' }, /- a C compiler/],
  ['no make', { MAKE: '/nonexistent' }, /- make\n/],
])('before a build %s is found', (_, env, expected) => {
  const { stderr, status } = run(process.execPath, [join(root, 'scripts/toolchain.cjs')], root, {
    ...process.env,
    ...env,
  })
  expect(stderr).toMatch(expected)
  expect(status).toBe(stderr === '' ? 0 : 1)
})
