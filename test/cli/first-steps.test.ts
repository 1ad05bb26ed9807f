/** What somebody meets who has not read anything yet. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { invocation } from '../../lib/cli/invocation.js'
import { main, runCli, start } from '../support/cli-run.js'
import { buildExample } from '../support/examples.js'
import { includes } from '../support/tracees.js'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pagestore-first-')))
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))

test.each(['help', '-h', '--help'])('%s lists the commands', async (word) => {
  const { code, stdout } = await runCli([word])
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Usage: .*\n[\s\S]*\n {2}check /) })
})

test('help of a command says its options', async () => {
  expect(await runCli(['help', 'check'])).toMatchObject({ code: 0, stdout: expect.stringContaining('--max-states') })
})

test.each(['-v', '-V', '--version'])('%s says the version', async (word) => {
  expect(await runCli([word])).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: '' })
})

test('a program without the header: the three lines that it lacks are said, and do what they promise', async () => {
  const { code, stderr } = await runCli(['check', '--', 'true'])
  expect(code).toBe(2)
  const [, ...lines] = stderr.split('\n')
  expect(lines[0]).toMatch(/^Add three lines, and compile it with -I .*include:$/)
  const [include, choose, assert] = lines.slice(1, 4)
  const program = join(folder, 'three')
  writeFileSync(
    `${program}.c`,
    `${include}\nint main(void) { int total = 0;\n${choose}\n total -= way;\n${assert}\n}\n`,
  )
  execFileSync('cc', [...includes, '-o', program, `${program}.c`])
  expect(await runCli(['check', '--trace', join(folder, 'three.json'), '--', program])).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^assertion failed: overdrawn/),
  })
})

test('what a violation says can be pasted into a shell', async () => {
  const program = buildExample('bugs/ring')
  const trace = join(folder, 'a trace.json')
  const found = await runCli(['check', '--step-timeout', '60000', '--trace', trace, '--', program])
  const lines = found.stdout.split('The first of them again:\n')[1]!.trim().split('\n')
  expect(lines).toHaveLength(2)
  expect(lines[0]).toContain('--step-timeout 60000')
  const again = await start('sh', ['-c', lines[0]!]).ended
  expect(again).toMatchObject({ code: 1, stderr: '' })
  expect((await start('sh', ['-c', lines[1]!]).ended).signal ?? 'SIGABRT').toBe('SIGABRT')
})

test('an interpreter that is not there is named as what is lacking, and so is a folder', async () => {
  const script = join(folder, 'script')
  writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 })
  const { stderr } = await runCli(['check', '--', script])
  expect(stderr).toContain(script)
  expect(stderr).toMatch(/interpreter/)
})

describe('the words that start it again', () => {
  const bin = join(folder, 'node_modules/.bin')
  mkdirSync(bin, { recursive: true })
  const file = join(bin, 'pagestore')
  symlinkSync(main, file)
  const npm = { npm_command: 'exec' }

  test('by npx, whose folder the PATH of the shell has not', () => {
    expect(invocation({ argv: ['/usr/bin/node', file], env: { ...npm, PATH: bin } })).toBe('npx pagestore')
  })

  test('by its name where the PATH has it', () => {
    expect(invocation({ argv: ['/usr/bin/node', file], env: { PATH: bin } })).toBe('pagestore')
  })

  test('by its path where the PATH has it not', () => {
    expect(invocation({ argv: ['/usr/bin/node', file], env: { PATH: '/bin' } })).toBe(file)
  })

  test('by Node where a file of it was named', () => {
    const words = invocation({ argv: [process.execPath, main], env: process.env })
    expect(words).toMatch(/^(node|\/\S*) dist\/lib\/cli\/main\.js$/)
  })
})
