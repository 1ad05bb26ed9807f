/** A start that does not come about leaves nothing behind: no process, and none that is traced. */
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

import { build, commandOf, untilGone } from '../support/tracees.js'

const support = join(import.meta.dirname, '../support')

test('where the system refuses a timer, nothing is started, and what was to be traced is let go', () => {
  const target = spawn(build('acts.c'), ['spin'], { stdio: 'ignore' })
  onTestFinished(() => void target.kill('SIGKILL'))
  const script = join(support, 'attaching-without-timers.mjs')
  const { stdout, status } = spawnSync(process.execPath, [script, '/bin/true', String(target.pid)], {
    encoding: 'utf8',
  })
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toEqual([
    expect.stringMatching(/^ERR_TRACEE .*timer_create/),
    expect.stringMatching(/^ERR_TRACEE .*timer_create/),
  ])
  expect(readFileSync(`/proc/${target.pid}/status`, 'latin1')).toMatch(/^State:\tR[\s\S]*^TracerPid:\t0$/m)
})

test.each([1, 2, 3, 8])('nothing stays of a start when Node is killed before call %s of ptrace', async (last) => {
  const library = build('killed-tracer.c', { flags: ['-shared', '-fPIC'] })
  const mark = `mark-${process.pid}-${last}`
  const script = `
    const { PageStore, Tracee } = await import('pagestore')
    Tracee.spawn(new PageStore(), 'sleep', ['1000', '${mark}'], { stdio: [] }).close()`
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, LD_PRELOAD: library, KILLED_BEFORE: String(last) },
    cwd: import.meta.dirname,
  })
  expect(signal).toBe('SIGKILL')
  // Copies of Node have it among their words, too.
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandOf(name).includes(mark))) {
    await untilGone(Number(pid))
  }
})
