// A path that is longer than a string in an environment may be: the program reads it from a file.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { traceVariable } from '../../lib/cli/check.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
const trace = join(folder, 'a trace.json')

test('what check says of a path is what an environment has room for, or the file', () => {
  const most = 128 * 1024 - 'PAGESTORE_TRACE='.length - 1
  const longest = Array.from({ length: (most + 1) / 2 }, () => 7)
  expect(traceVariable(longest, trace)).toBe(`PAGESTORE_TRACE=${longest.join(',')} `)
  const asVariable = (value: string) => spawnSync('true', { env: { PATH: '/bin', PAGESTORE_TRACE: value } }).status
  expect([asVariable(longest.join(',')), asVariable(`${longest.join(',')},7`)]).toEqual([0, null])
  expect(traceVariable([...longest, 7], trace)).toBe(`PAGESTORE_TRACE='@${trace}' `)
  expect(traceVariable([], trace)).toBe('')
})

const deep = compile(
  folder,
  'deep',
  `#include ${header}
int main(void) {
  unsigned sum = 0;
  for (int i = 0; i < 70000; ++i) sum = sum * 31 + (unsigned)ps_choose(1000);
  printf("%u\\n", sum);
  return 0;
}`,
)

test('a path of more than 128 KiB is taken by the program itself', () => {
  const choices = Array.from({ length: 70_000 }, (_, i) => (i * i) % 1000)
  writeFileSync(trace, JSON.stringify({ choices }))
  const { stdout } = spawnSync(`${traceVariable(choices, trace)}${deep}`, { shell: true, encoding: 'utf8' })
  expect(stdout).toBe(`${choices.reduce((all, each) => (Math.imul(all, 31) + each) >>> 0, 0)}\n`)
})

const short = compile(
  folder,
  'short',
  `#include ${header}
int main(void) { int sum = 0; for (int i = 0; i < 3; ++i) sum = sum * 10 + ps_choose(7); printf("%d\\n", sum); return 0; }`,
)
const run = (text: string) => {
  writeFileSync(trace, text)
  const env = { PAGESTORE_TRACE: `@${trace}`, PAGESTORE_SEED: '1' }
  const { stdout, stderr, status } = spawnSync(short, { env, encoding: 'utf8' })
  return { stdout, stderr, status }
}

test.each([
  ['a list', '3,1,5'],
  ['a list with a line feed', '3,1,5\n'],
  ['a list with blanks', ' 3, 1,\n5 '],
  ['JSON on one line', '{"version":1,"program":["x","choices"],"choices":[3,1,5],"steps":[{"choice":9}]}'],
  ['JSON on many lines', JSON.stringify({ property: '{"choices": [0,0,0]}', choices: [3, 1, 5] }, undefined, 2)],
])('a file with %s is read', (_, text) => {
  expect(run(text)).toEqual({ stdout: '315\n', stderr: '', status: 0 })
})

test('what the file does not say is chosen at random, as without it', () => {
  const alone = spawnSync(short, { env: { PAGESTORE_SEED: '1' }, encoding: 'utf8' }).stdout
  expect([run('').stdout, run('{"choices": []}').stdout]).toEqual([alone, alone])
  expect(run('6').stdout).toMatch(/^6\d\d\n$/)
})

test('a file that is none, or no trace, is told', () => {
  expect(run('{"version": 1}')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/the rest of PAGESTORE_TRACE/),
  })
  expect(run('7,0,0')).toMatchObject({ status: 2, stderr: expect.stringMatching(/ps_choose\(7\).*"7,0,0"/) })
  const missing = spawnSync(short, { env: { PAGESTORE_TRACE: '@/nonexistent' }, encoding: 'utf8' })
  expect(missing).toMatchObject({ status: 2, stderr: 'PAGESTORE_TRACE: /nonexistent cannot be read\n' })
})
