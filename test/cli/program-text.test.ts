/** Whatever text a program gives, what the command line prints of it stays on its line and changes no terminal. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'
import { explore, Program } from 'pagestore/explore'
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

/** A program that acts so in its third step, in a function of that name. */
function failing(name: string, how: string) {
  const plain = `act${'Z'.repeat(Buffer.byteLength(text))}`
  const source = `#include ${header}
#include <fcntl.h>
#include <sys/mman.h>
__attribute__((noinline)) int ${plain}(void) { ${how} return 0; }
int main(void) { return ps_choose(2) && ps_choose(2) ? ${plain}() : 0; }`
  const made = compile(folder, name, source)
  // No assembler takes such a name.
  const image = readFileSync(made, 'latin1').replaceAll(plain, Buffer.from(`act${text}`).toString('latin1'))
  writeFileSync(made, image, 'latin1')
  return made
}

const file = `${folder}/file ${text.replaceAll('\r', '')}`
const fileInC = [...Buffer.from(file)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
const kinds = {
  crash: ['*(int *)8 = 1;', /^crash: SIGSEGV in act/],
  hang: ['for (;;) ;', /^hang: /],
  exit: ['exit(3);', /^abnormal end: /],
  warning: [
    `return 0; } __attribute__((constructor)) static int begin(void) { int fd = open("${fileInC}", O_RDWR | O_CREAT, 0600); if (ftruncate(fd, 1) != 0 || mmap(0, 1, 3, MAP_SHARED, fd, 0) == 0) return 1;`,
    /^no violation/,
  ],
} as const

describe('names that a program has given', () => {
  it.each(Object.entries(kinds))('are escaped in the report of what may be a %s', async (kind, [how, verdict]) => {
    const shouting = failing(kind, how)
    const trace = join(folder, `trace of ${kind}`)
    const outputs = [
      await runCli(['check', '--step-timeout', 300, '--trace', trace, '--', shouting]),
      await runCli(['check', '--json', '--step-timeout', 300, '--trace', trace, '--', shouting]),
      ...(kind === 'warning' ? [] : [await runCli(['replay', '--step-timeout', 300, trace, '--', shouting])]),
    ]
    expect(outputs[0]?.stdout).toMatch(verdict)
    for (const { stdout, stderr } of outputs) {
      expect(stdout).not.toBe('')
      expect(stdout + stderr).not.toMatch(raw)
    }
    if (kind !== 'warning') expect(readFileSync(trace, 'utf8')).not.toMatch(raw)
  })

  it('are escaped in warnings of searches', async () => {
    const { warnings } = await explore(new Program(failing('warning', kinds.warning[0])))
    expect(warnings.join()).toContain(String.raw`\x1b[2J`)
    expect(warnings.join('')).not.toMatch(/[^\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/u)
  })
})

describe('words of the command line, and what is in a trace file', () => {
  const hostile = text.replaceAll('\r', '')
  const trace = join(folder, 'hostile')
  it.each([
    ['a command', [hostile]],
    ['a command to help with', ['help', hostile]],
    ['an option', [`--${hostile}`]],
    ['an option of a command', ['check', `--strateg${hostile}`]],
    ['an option like another', ['check', '--strateg\x1b']],
    ['a choice', ['check', '--strategy', hostile, '--', 'true']],
    ['a number', ['check', '--max-states', hostile, '--', 'true']],
    ['a process', ['dedup', hostile]],
    ['too many', ['dedup', '1', hostile]],
    ['more than none', ['demo', hostile]],
    ['a program', ['check', '--', hostile]],
    ['a trace', ['replay', hostile, '--', 'true']],
    ['no JSON', ['replay', `${trace}.no`, '--', 'true']],
    ['a trace of something else', ['replay', `${trace}.else`, '--', program]],
    ['a trace with other kinds', ['replay', `${trace}.kind`, '--', program]],
  ])('are escaped: %s', async (_, args) => {
    writeFileSync(`${trace}.no`, hostile)
    const traced = { version: 1, program: [hostile], property: hostile, choices: [0] }
    writeFileSync(`${trace}.else`, JSON.stringify({ ...traced, kind: 'assertion', choices: [7] }))
    writeFileSync(`${trace}.kind`, JSON.stringify({ ...traced, kind: hostile }))
    for (const env of [{}, { NODE_DEBUG: 'pagestore' }]) {
      const { code, stdout, stderr } = await runCli(args, { env })
      expect(stdout + stderr).not.toMatch(raw)
      if (args[0] !== 'help')
        expect({ code, stderr }).toEqual({ code: expect.any(Number), stderr: expect.stringMatching(/error: /) })
      if (args[0] !== 'help') expect(code).not.toBe(0)
    }
  })
})
