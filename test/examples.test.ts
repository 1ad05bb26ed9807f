import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

function run(name: string, ...args: string[]): string {
  const script = fileURLToPath(new URL(`../dist/examples/${name}.js`, import.meta.url))
  return execFileSync(process.execPath, [script, ...args], { encoding: 'utf8' })
}

test('sqlite-rewind: the rows are back, and thousands of moments are what replaying their statements gives', () => {
  const output = run('sqlite-rewind', '3000')
  expect(output).toContain('deleted and restored: a lamp, a chair, a table')
  expect(output).toMatch(/3000 captures and \d{4} restores: every replay agreed/)
})

test('river: explores a program in a Worker, and finds the shortest way across', () => {
  const output = run('river')
  expect(output).toMatch(/^across after 7: goat, nobody, (wolf, goat, cabbage|cabbage, goat, wolf), nobody, goat$/m)
  expect(output).toMatch(/^9 states; that was all$/m)
})

test('watch-process: says what changed between ten snapshots of a program that computes', () => {
  const output = run('watch-process')
  expect(output.match(/^from snapshot \d+ to \d+:/gm)).toHaveLength(9)
  expect(output).toMatch(/^ {2}\d+ pages, \d+ bytes in /m)
})
