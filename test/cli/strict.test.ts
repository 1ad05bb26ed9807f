// A good verdict on a program that reached outside says so, and with --strict it is an error.
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { runCli } from '../support/cli-run.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()

function program(name: string, body: string): string {
  return compile(folder, name, `#include ${header}\n#include <sys/stat.h>\nint main(void) { ${body} return 0; }`)
}

const check = (...args: string[]) => runCli(['check', '--trace', join(folder, 'trace.json'), ...args])

const inside = program('inside', 'ps_choose(2);')
const outside = program('outside', 'if (ps_choose(2)) umask(0);')
const failing = program('failing', 'if (ps_choose(2)) umask(0); else ps_assert(0, "never");')

test('without it the verdict names the call, and ends with 0', async () => {
  const { code, stdout, stderr } = await check('--', outside)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^no violation, but the program reached outside: umask\n\d states, \d transitions, /)
  expect(stderr).toMatch(/^warning: umask: .* not rolled back/)
})

test.each([
  ['a program that stays inside', inside, 0],
  ['a program that reaches outside', outside, 4],
  ['a program with a violation', failing, 1],
] as const)('with it %s ends with its code', async (_, file, code) => {
  expect((await check('--strict', '--', file)).code).toBe(code)
})

test('the search counts as complete all the same, and --json has the warning', async () => {
  const { code, stdout } = await check('--strict', '--json', '--', outside)
  expect(code).toBe(4)
  expect(JSON.parse(stdout)).toMatchObject({
    complete: true,
    violations: [],
    warnings: [expect.stringMatching(/^umask: /)],
  })
})

test('a violation says so, too', async () => {
  const { stdout } = await check('--', failing)
  expect(stdout).toMatch(/\n1 violation in \d states; the program reached outside: umask\n/)
})
