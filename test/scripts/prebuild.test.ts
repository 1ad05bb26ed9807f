import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const other = process.arch === 'x64' ? 'arm64' : 'x64'

test('without a compiler for the other processor, prebuild says what is missing and what brings it', () => {
  const folder = ownFolder()
  mkdirSync(join(folder, 'bin'))
  symlinkSync(process.execPath, join(folder, 'bin/node'))
  // One tool of four is there.
  writeFileSync(join(folder, 'bin/aarch64-linux-gnu-ar'), '#!/bin/sh\n')
  chmodSync(join(folder, 'bin/aarch64-linux-gnu-ar'), 0o755)
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist/scripts/prebuild.js'), other], {
    encoding: 'utf8',
    env: { ...process.env, PATH: join(folder, 'bin') },
  })
  expect(status).toBe(1)
  expect(stderr).toMatch(
    /^\S+-linux-gnu-gcc, \S+g\+\+, .*: not found, so nothing was built for (arm64|x64)\. On Debian: /,
  )
  expect(stderr).toMatch(/apt-get install g\+\+-(aarch64|x86-64)-linux-gnu\n$/)
  expect(stderr).not.toMatch(/^\s+at /m)
})
