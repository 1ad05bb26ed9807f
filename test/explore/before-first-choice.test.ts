// A program that fails before its first choice: a violation like any other, with a path that has no choices.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ByteModel, explore, Program, sometimes } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { runCli } from '../support/cli-run.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
let number = 0

function program(body: string): string {
  return compile(
    folder,
    `program-${number++}`,
    `#include ${header}\n#include <signal.h>\nint at;\nint main(void) { ${body} ps_choose(2); return 0; }`,
  )
}

test.each([
  ['an assertion', 'ps_assert(at != 0, "at is set");', { kind: 'assertion', property: 'at is set' }],
  ['a crash', '*(volatile int *)8 = 1;', { kind: 'crash', property: 'SIGSEGV in main' }],
  ['an abnormal end', 'exit(3);', { kind: 'exit', property: 'exit(3)' }],
  ['an abort', 'abort();', { kind: 'crash', property: expect.stringMatching(/^SIGABRT/) }],
  ['a loop', 'for (;;) ++*(volatile int *)&at;', { kind: 'hang', detail: expect.stringMatching(/is running in main/) }],
  ['a wait', 'for (;;) pause();', { kind: 'hang', detail: expect.stringMatching(/waits in the system call pause/) }],
])('%s before the first choice is a violation', async (_, body, violation) => {
  const found = await explore(new Program(program(body), [], { stepTimeout: 300 }))
  expect(found).toMatchObject({
    complete: true,
    states: 0,
    transitions: 0,
    violations: [{ ...violation, choices: [] }],
  })
  expect(found.violations[0]?.detail).toMatch(/^before the first choice/)
})

test('a program that kills itself before its first choice has been killed, by whomever', async () => {
  const found = await explore(new Program(program('kill(getpid(), 9);')))
  expect(found).toMatchObject({
    complete: false,
    bound: 'gone',
    violations: [{ kind: 'crash', property: expect.stringMatching(/was killed/), choices: [] }],
  })
})

test('what must hold in some state holds in none', async () => {
  const properties = [sometimes('there is a state', () => true)]
  const found = await explore(new Program(program('abort();')), { properties })
  expect(found.violations.map(({ kind }) => kind)).toEqual(['crash', 'sometimes'])
  expect(found.reached).toEqual([])
})

test('a model in TypeScript whose first choice throws is a violation, too', async () => {
  const found = await explore(
    new ByteModel({
      state: new Uint8Array(1),
      alternatives: () => {
        throw new Error('no beginning')
      },
      choose: () => {},
    }),
  )
  expect(found).toMatchObject({
    states: 0,
    violations: [{ kind: 'crash', property: 'Error: no beginning', choices: [] }],
  })
})

test('check ends with 1, and what it saved and says leads there again', async () => {
  const trace = join(folder, 'trace.json')
  const file = program('ps_assert(at != 0, "at is set");')
  const { code, stdout } = await runCli(['check', '--trace', trace, '--', file])
  expect({ code, first: stdout.split('\n')[0] }).toEqual({
    code: 1,
    first: expect.stringMatching(/^assertion failed: at is set \(.*\.c:4\)$/),
  })
  expect(stdout).toContain('before the first choice')
  expect(stdout).toMatch(/\n1 violation in 0 states\n/)
  expect(JSON.parse(readFileSync(trace, 'utf8'))).toMatchObject({ kind: 'assertion', choices: [] })
  expect(await runCli(['replay', trace, '--', file])).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/at is set/),
  })
  const [alone = ''] = stdout.trimEnd().split('\n').slice(-1)
  expect(spawnSync(alone.trim(), { shell: true, encoding: 'utf8' }).stderr).toMatch(/\.c:4: at is set/)
})
