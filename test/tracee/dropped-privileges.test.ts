// A host that changed its user: the kernel lets nobody of that user read its memory, and so neither that of its copies.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build, commandOf, untilGone } from '../support/tracees.js'

const folder = ownFolder()
const script = fileURLToPath(new URL('../support/dropped.mjs', import.meta.url))

/** For everybody to execute. */
function publish(name: string): string {
  const file = join(folder, name)
  copyFileSync(build(name), file)
  chmodSync(file, 0o755)
  chmodSync(folder, 0o755)
  return file
}

describe.skipIf(process.getuid!() !== 0)('spawned by a host that dropped its privileges', () => {
  test('a program is what it is by itself, and is rolled back', () => {
    const { stdout, stderr } = spawnSync(process.execPath, [script, publish('identity.c')], { encoding: 'utf8' })
    expect(stderr).toBe('')
    const said = 'users 65534 65534, groups 65534 65534, dumpable 1, with its parent 0, leads its session 1\n'
    expect(stdout.split('exit')[0]).toBe(said.repeat(2))
    expect(stdout).toMatch(/exit true exit exit\n$/)
  })

  test('a copy of the host is never readable by others of that user', () => {
    const library = build('copies.c', { flags: ['-shared', '-fPIC'] })
    const env = { ...process.env, LD_PRELOAD: library }
    const { stdout, stderr } = spawnSync(process.execPath, [script, '/bin/true'], { encoding: 'utf8', env })
    expect(stderr).toBe('setsid: dumpable 0, user 65534\nexecve: dumpable 0, user 65534\n')
    expect(stdout).toBe('exit true exit exit\n')
  })

  test('a program that lets nobody read it is explored by root, and refused to others, with the reason', async () => {
    const unreadable = publish('unreadable.c')
    const found = await explore(new Program(unreadable))
    expect(found).toMatchObject({ complete: true, states: 8, violations: [], warnings: [] })
    const args = [fileURLToPath(new URL('../support/unreadable.mjs', import.meta.url)), unreadable]
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(stdout).toMatch(/^ERR_PERMISSION process \d+ is not ours to read or trace: .*It lets nobody read it/)
    expect(stdout).toContain('by prctl(PR_SET_DUMPABLE, 0)')
  })

  test('what cannot be executed is named', () => {
    const { stderr } = spawnSync(process.execPath, [script, '/etc/passwd'], { encoding: 'utf8' })
    expect(stderr).toMatch(/\/etc\/passwd could not be started: exec: Permission denied/)
  })

  test.each([1, 2, 3, 4, 5, 6, 8, 12])(
    'nothing stays of it when Node is killed before call %s of ptrace',
    async (last) => {
      const library = build('killed-tracer.c', { flags: ['-shared', '-fPIC'] })
      const mark = `mark-${process.pid}-${last}`
      const { signal } = spawnSync(process.execPath, [script, '/bin/sleep', '1000', mark], {
        env: { ...process.env, LD_PRELOAD: library, KILLED_BEFORE: String(last) },
      })
      expect(signal).toBe('SIGKILL')
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandOf(name).includes(mark))) {
        await untilGone(Number(pid))
      }
    },
  )
})
