import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { describe, expect, test } from 'vitest'

import { runCli, type Started, startCli } from '../support/cli-run.js'
import { buildExample } from '../support/examples.js'
import { compile, isInstalled, ownFolder } from '../support/programs.js'
import { includes, isThere } from '../support/tracees.js'

const folder = ownFolder()
const trace = join(folder, 'trace.json')
const check = (...args: string[]) => runCli(['check', '--trace', trace, ...args])

describe('check', () => {
  test('says that there is no violation, and ends with 0', async () => {
    const { code, stdout, stderr } = await check('--', buildExample('models/wolf'))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^no violation in 10 states\n20 transitions, depth 7, 0 deadlocks, /)
  })

  test('shows a path to a violation, and ends with 1', async () => {
    const { code, stdout } = await check('--', buildExample('bugs/ring'))
    expect(code).toBe(1)
    expect(stdout).toMatch(/^assertion failed: first in, first out \(.*ring\.c:22\)\n/)
    expect(stdout).toMatch(
      /^ {2}2\. alternative 0 of 2 at .*ring\.c:31: ring\[1\] 0 → 1, ring\[4\] 1 → 2, ring\[5\] 1 → 2, /m,
    )
    expect(stdout).toMatch(/\n1 violation in \d+ states\n/)
    expect(stdout).toContain('PAGESTORE_TRACE=0,0,0,0,1 ')
    expect(JSON.parse(readFileSync(trace, 'utf8'))).toMatchObject({
      version: 1,
      kind: 'assertion',
      property: 'first in, first out',
      choices: [0, 0, 0, 0, 1],
    })
  })

  test('never says "no violation" of a bounded search without the bound, and ends with 3', async () => {
    const { code, stdout } = await check('--max-states', '20', '--', buildExample('models/hanoi', ['-DN=5']))
    expect(code).toBe(3)
    expect(stdout).toMatch(/^no violation in 20 states; the search is not complete: --max-states\n/)
  })

  test('prints one object with --json', async () => {
    const { code, stdout } = await check('--json', '--', buildExample('models/philosophers', ['-DN=3']))
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      complete: true,
      states: 14,
      transitions: 27,
      depth: 3,
      deadlocks: 1,
      violations: [{ kind: 'deadlock', property: expect.stringMatching(/^no alternative at /), choices: [0, 1, 1] }],
      seconds: expect.any(Number),
      bytesPerState: expect.any(Number),
    })
    expect(stdout.trimEnd()).not.toContain('\n')
  })

  test.each([
    [['--strategy', 'depth'], 1],
    [['--allow-deadlock'], 0],
    [['--first'], 1],
    [['--strategy', 'random', '--max-seconds', '1', '--seed', '7'], 1],
    [['--verify', '--allow-deadlock'], 0],
    [['--max-memory', '1', '--max-depth', '2'], 3],
  ] as const)('takes %j, and ends with %i', async (options, code) => {
    expect(await check(...options, '--', buildExample('models/philosophers', ['-DN=3']))).toMatchObject({ code })
  })

  test('ends with 2 and a line for what makes no sense', async () => {
    const misused = async (args: string[], text: RegExp) => {
      const { code, stdout, stderr } = await runCli(args)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(text)
    }
    await misused(['check'], /missing required argument 'program'/)
    await misused(['check', '--sideways', '--', 'true'], /unknown option/)
    await misused(['check', '--strategy', 'sideways', '--', 'true'], /Allowed choices are breadth, depth, random/)
    await misused(['check', '--max-states', 'many', '--', 'true'], /whole number/)
    await misused(
      ['check', '--', '/nonexistent'],
      /^error: \/nonexistent could not be started: exec: No such file or directory\n$/,
    )
    await misused(['check', '--', 'true'], /^error: the program ended without a choice: .*ps_choose\nAdd three lines/)
    await misused(['check', '--strategy', 'random', '--', buildExample('models/wolf')], /random walks have no end/)
  })

  test('Ctrl-C ends it with the summary so far, and leaves nothing behind', async () => {
    const program = buildExample('models/puzzle')
    const job = startCli(['check', '--trace', trace, '--', program])
    let pid = 0
    while (pid === 0) {
      await delay(50)
      pid = Number(spawnSync('pgrep', ['-f', `^${program}`], { encoding: 'utf8' }).stdout.split('\n')[0])
    }
    await delay(300)
    job.child.kill('SIGINT')
    const { code, stdout } = await job.ended
    expect(code).toBe(3)
    expect(stdout).toMatch(/^no violation in [\d ]+ states; the search is not complete: an interruption\n/)
    expect(isThere(pid)).toBe(false)
  })
})

/** A program whose second step never ends, and the file that it makes in it. */
function endless(name: string, how: string) {
  const file = join(folder, `${name}-begun`)
  const source = `
#include <fcntl.h>
#include "pagestore.h"
int main(void) {
  ps_choose(2), ps_choose(2);
  close(open("${file}", O_CREAT | O_WRONLY, 0600));
  ${how}
}`
  const program = compile(folder, name, source, ...includes)
  /** Sends a signal to what runs the program, when that is in the step. */
  const interrupt = async ({ child }: Started, signal: NodeJS.Signals) => {
    while (!existsSync(file)) await delay(20)
    child.kill(signal)
    rmSync(file)
  }
  const isLeft = () => spawnSync('pgrep', ['-f', `^${program}`]).status === 0
  return { program, interrupt, isLeft }
}

describe.each([
  ['runs on', 'for (;;) ;'],
  ['waits', 'pause();'],
])('a step that %s', (name, how) => {
  const { program, interrupt, isLeft } = endless(name.replace(' ', '-'), how)
  const patient = ['--step-timeout', 3_600_000]

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends with the summary so far by %s', async (signal) => {
    const job = startCli(['check', ...patient, '--trace', trace, '--', program])
    await interrupt(job, signal)
    const { code, stdout } = await job.ended
    expect(code).toBe(3)
    expect(stdout).toMatch(
      /^no violation, but the program reached outside: .*; the search is not complete: an interruption\n/,
    )
    expect(isLeft()).toBe(false)
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends with the steps so far in a replay by %s',
    async (signal) => {
      const file = join(folder, 'endless.json')
      writeFileSync(file, JSON.stringify({ version: 1, kind: 'hang', property: 'endless', choices: [1, 0] }))
      const job = startCli(['replay', ...patient, file, '--', program])
      await interrupt(job, signal)
      const { signal: killedBy, stdout, stderr } = await job.ended
      expect({ killedBy, stderr }).toEqual({ killedBy: signal, stderr: '' })
      expect(stdout).toMatch(/^1\. alternative 1 of 2 at .*\ninterrupted after 1 of 2 choices\n$/)
      expect(isLeft()).toBe(false)
    },
  )
})

describe('replay', () => {
  const saved = (name: string, flags: string[] = []) => {
    const program = buildExample(name, flags)
    const file = join(folder, `${name.replace('/', '-')}.json`)
    return { program, file, done: runCli(['check', '--trace', file, '--', program]) }
  }

  test.each(['bugs/ring', 'bugs/mutex', 'bugs/order', 'bugs/once'])('takes the path of %s again', async (name) => {
    const { program, file, done } = saved(name)
    await done
    const { choices, property } = JSON.parse(readFileSync(file, 'utf8'))
    const { code, stdout, stderr } = await runCli(['replay', file, '--', program])
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout.match(/^\d+\. alternative /gm)).toHaveLength(choices.length)
    expect(stdout).toContain(property)
    // And the version that is mended does not go there.
    const mended = await runCli(['replay', file, '--', buildExample(name, ['-DFIXED'])])
    expect([0, 2]).toContain(mended.code)
  })

  test('of what is no trace, or none of this program, is refused', async () => {
    const program = buildExample('models/wolf')
    const refused = async (text: string, pattern: RegExp) => {
      const file = join(folder, 'wrong.json')
      writeFileSync(file, text)
      const { code, stderr } = await runCli(['replay', file, '--', program])
      expect(code).toBe(2)
      expect(stderr).toMatch(pattern)
    }
    await refused('{', /is no JSON/)
    await refused('{"version": 1}', /no trace that pagestore check has written/)
    await refused('{"version":1,"kind":"always","property":"x","choices":[9]}', /choice 1 is 9, of \d alternatives/)
    await refused('{"version":1,"kind":"sly","property":"x","choices":[0]}', /knows no violation of the kind "sly"/)
    expect(await runCli(['replay', '/nonexistent.json', '--', program])).toMatchObject({ code: 2 })
  })

  test.each(['bugs/ring', 'bugs/order', 'models/philosophers'])(
    'with --gdb leaves %s standing at the violation, for a debugger',
    async (name) => {
      const { program, file, done } = saved(name)
      await done
      const { code, stdout } = await runCli(['replay', '--gdb', file, '--', program])
      expect(code).toBe(1)
      const pid = Number(/^ {2}gdb -p (\d+)$/m.exec(stdout)?.[1])
      try {
        expect(readFileSync(`/proc/${pid}/status`, 'latin1')).toMatch(/^State:\s+T \(stopped\)/m)
        if (!isInstalled('gdb')) return
        const frames = execFileSync('gdb', ['-p', String(pid), '-batch', '-ex', 'bt'], {
          encoding: 'utf8',
          stdio: 'pipe',
        })
        expect(frames).toMatch(/ main /)
      } finally {
        process.kill(pid, 'SIGKILL')
      }
    },
  )
})
