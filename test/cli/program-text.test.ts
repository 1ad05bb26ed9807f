/** Whatever text a program gives, what the command line prints of it stays on its line and changes no terminal. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'
import { describe, expect, it } from 'vitest'

import { runCli } from '../support/cli-run.js'
import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = join(ownFolder(), 'a\nb\x1b[31m')
mkdirSync(folder)

// A line that looks like a verdict, escape sequences of 7 and of 8 bits, and text from right to left.
const text = 'one\nno violation in 3 states\x1b[2J\x07\r\t\u009b31m\u202ebackwards\u2028end'
const shown = String.raw`one\nno violation in 3 states\x1b[2J\x07\r\t\u009b31m\u202ebackwards\u2028end`

const inC = [...Buffer.from(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
const program = compile(
  folder,
  'shouts',
  `#include ${header}
int main(int argc, char **argv) {
#line 7 "a\\nb\\033[31m.c"
  if (ps_choose(2)) ps_assert(argc < 0, "${inC}");
  return argv == 0;
}`,
)

// Nothing but line ends: no tabulator either.
const raw = /[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/u

describe('text of a program', () => {
  it('is escaped in what check and replay print', async () => {
    const trace = join(folder, 'trace')
    const argument = "it's\n\x1b[1m"
    const checked = await runCli(['check', '--trace', trace, '--', program, argument])
    expect(checked).toMatchObject({ code: 1 })
    expect(checked.stdout.split('\n')[0]).toBe(String.raw`assertion failed: ${shown} (a\nb\x1b[31m.c:7)`)
    const replayed = await runCli(['replay', trace, '--', program, argument])
    expect(replayed).toMatchObject({ code: 1 })
    expect(replayed.stdout.split('\n').length).toBe(3)
    expect(replayed.stdout).toContain(shown)
    for (const { stdout, stderr } of [checked, replayed]) expect(stdout + stderr).not.toMatch(raw)
    expect(JSON.parse(readFileSync(trace, 'utf8'))).toMatchObject({ property: text })
  })

  it('is what it was in JSON, which a terminal can be shown', async () => {
    const { stdout } = await runCli(['check', '--json', '--trace', join(folder, 'trace'), '--', program])
    expect(stdout).not.toMatch(raw)
    expect(JSON.parse(stdout)).toMatchObject({ violations: [{ property: text }] })
  })

  it('is a word for the shell that means the same', async () => {
    const argument = "it's\n\x1b[1m\\n"
    const { stdout } = await runCli(['check', '--trace', join(folder, 'trace'), '--', program, argument])
    const command = stdout.trimEnd().split('\n').at(-1)!
    const words = command.slice(command.indexOf('$'))
    const script = `set -- ${words}; printf %s "$2"`
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toBe(argument)
  })
})

describe('the message of an error', () => {
  it('is one line, whatever names are in it', async () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program)
    const { message } = errorOf(() => tracee.symbol(text))
    expect(message).toContain(shown)
    expect(message).not.toMatch(raw)
    expect(message).not.toContain('\n')
    const { code, stderr } = await runCli(['replay', join(folder, 'nothing'), '--', program])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: [^\n]*\n$/)
    expect(stderr).not.toMatch(raw)
  })
})
