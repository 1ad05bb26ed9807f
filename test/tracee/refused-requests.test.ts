// A process that was attached to is as it was, whichever request of ours is refused, once.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const script = fileURLToPath(new URL('../support/refusing.mjs', import.meta.url))
const library = build('refusing.c', { flags: ['-O1', '-fPIC', '-shared'] })
const maps = build('survivors/maps.c')
const control = join(ownFolder(), 'control')

test.each([
  ['ptrace', 1],
  ['files', 2],
])('%s', (_name, kinds) => {
  writeFileSync(control, Buffer.alloc(4096))
  const env = { ...process.env, LD_PRELOAD: library, PAGESTORE_REFUSALS: control }
  const { stdout, stderr } = spawnSync(process.execPath, [script, String(kinds), maps, 'ab'], {
    encoding: 'utf8',
    env,
  })
  expect({ stdout, stderr }).toEqual({ stdout: 'many refusals\n', stderr: '' })
})
