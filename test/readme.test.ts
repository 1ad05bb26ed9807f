import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { ownFolder } from './support/programs.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(`${root}README.md`, 'utf8')

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]!)
}

test("the README's ten lines do what their comments say", () => {
  const [example] = blocks('js')
  // Node 20 does not know `using`; the README says what to write instead.
  const program = `${example!.replace('using store', 'const store')}\nstore.close()`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root, encoding: 'utf8' })
  expect(output).toBe('1 100\ntrue\n')
})

test('the lines about snapshots do what their comments say', () => {
  const [, example] = blocks('js')
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', example!], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(output).toBe('[ { start: 4997120n, end: 5001216n } ]\n<Buffer 01 02 03>\ntrue\n')
})

test('the lines about a live program print what their comments say', () => {
  const [, , example] = blocks('js')
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', example!], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(output).toBe('the sum is 8999995500000500000\nexit\n'.repeat(3))
})

test('the philosophers are checked as it says', () => {
  const folder = ownFolder()
  const program = `${folder}/philosophers`
  execFileSync('cc', ['-o', program, 'examples/models/philosophers.c'], { cwd: root })
  const args = ['dist/lib/cli/main.js', 'check', '--trace', `${folder}/trace.json`, '--', program]
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  expect(status).toBe(1)
  const printed = /^```\n(deadlock: .*?)^```/ms.exec(readme)?.[1]
  expect(stdout.startsWith(printed!)).toBe(true)
})

test('every command in the README is run by CI', () => {
  const ci = readFileSync(`${root}.ci/run`, 'utf8')
  const commands = blocks('sh').flatMap((block) => block.split(/&&|\n/).map((line) => line.trim()))
  expect(commands.filter((command) => command !== '')).toEqual([
    'npm install pagestore', // of the tarball, with no compiler: test/package
    'npm ci',
    'npm start',
    'npm cit',
    'npx pagestore dedup <pid> --rounds 5 --interval 200',
    'cc -o philosophers examples/models/philosophers.c',
    'npx pagestore check -- ./philosophers',
  ])
  // What a step runs stands behind its name.
  const run = [...ci.matchAll(/^step "[^"]*" (.*)$/gm)].map(([, command]) => command!)
  const steps = ['npm cit', 'npm start', 'npx pagestore dedup', 'npm run --silent bench', 'npm run test:package']
  for (const step of steps)
    expect(
      run.some((command) => command.startsWith(step)),
      step,
    ).toBe(true)
  expect(ci).toMatch(/^ {2}npx pagestore check .*\$program"$/m)
})
