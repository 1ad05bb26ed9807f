// On an overlay file system, as containers have it, a file gets another inode when it is first written: what was opened
// before stays on the other one. All is put back there as elsewhere.
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('file-steps.c')
const parent = ownFolder()
const script = join(import.meta.dirname, '../support/on-overlay.mjs')

const cases = [
  {
    name: 'a file that is open for reading is opened for writing',
    steps: 'o:0:r:log . o:1:wa:log . w:1:one . w:1:two .',
    last: 'so far\nonetwo',
  },
  {
    name: 'a file is opened, added to and closed',
    steps: '. o:0:wa:log w:0:one c:0 . o:0:wa:log w:0:two c:0 .',
    last: 'so far\nonetwo',
  },
  {
    name: 'a file is changed inside and closed',
    steps: 'o:0:r:log . o:1:b:log p:1:0:X c:1 . g:0 .',
    last: 'Xo far\n',
  },
  {
    name: 'a file that is open for writing is added to',
    steps: 'o:0:b:log e:0 . w:0:one . w:0:two .',
    last: 'so far\nonetwo',
  },
  {
    name: 'a file is cut by its path',
    steps: 'o:0:r:log . T:2:log . T:100:log .',
    last: `so${'\0'.repeat(98)}`,
  },
]

for (const { name, steps, last } of cases) {
  test(`${name}: all is put back both ways`, ({ skip }) => {
    const command = [
      '-Urm',
      process.execPath,
      script,
      program,
      mkdtempSync(join(parent, 'overlay-')),
      ...steps.split(' '),
    ]
    const { status, stdout, stderr } = spawnSync('unshare', command, { encoding: 'utf8' })
    const isForbidden = status === 77 || /unshare: /.test(stderr) || /mount: .*tmpfs|permission denied/.test(stderr)
    skip(isForbidden, `no overlay file system can be mounted here: ${stdout}${stderr}`)
    expect(stderr).toBe('')
    const { was, wrong } = JSON.parse(stdout) as { was: string[]; wrong: unknown[] }
    expect(was.at(-1)).toBe(last)
    expect(wrong).toEqual([])
  })
}
