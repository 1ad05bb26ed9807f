import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import { blocksOf } from '../scripts/document-blocks.js'
import { record, textOf } from '../scripts/picture.js'
import { documents, read, root } from './support/documents.js'

// Its code blocks are run by documents.test.ts, as those of every document.
const readme = read('README.md')

test('is read in a few minutes', () => {
  expect(readme.split(/\s+/).length).toBeLessThan(900)
})

test('the picture shows what the command prints', () => {
  // Times and bytes are what they are.
  const plain = (text: string) => text.replace(/[\d.]+ s, [\d ]+ bytes/, 'COST')
  expect(plain(textOf(read('docs/check.svg')))).toBe(plain(record(root)))
})

// A row of the README, and the row that it is of docs/internals/measurements.md.
const rows = {
  'store a page that the store has': 'duplicates, in order',
  'store a new page in a recycled slot': 'new pages, recycled slots',
  '`getPage`': 'JavaScript getPage',
  'capture and restore 256 MiB, 100 pages written': '256 MiB of our own, 100 pages dirty: capture and restore',
  'run, capture and restore a program of 16 MB': '16 MB',
  'the same of 1 GB': '1 GB',
  'bookkeeping for a page': 'bookkeeping, 4 MiB and more',
}

test('its figures are those of the measurements', () => {
  const measured = read('docs/internals/measurements.md').split('\n')
  const table = [...readme.matchAll(/^\| (.*?) \| (?=\d)(.*?) \|(.*?)\|$/gm)]
  expect(table.map(([, name]) => name)).toEqual(Object.keys(rows))
  for (const [, name, ours, other] of table) {
    const figures = `${ours} ${other}`.match(/\d[\d ]*(\.\d+)?(?= )/g) ?? []
    const row = `| ${rows[name as keyof typeof rows]} |`
    const isThere = (line: string) => figures.every((figure) => new RegExp(`(?<![\\d.])${figure}(?![\\d.])`).test(line))
    expect(
      measured.some((line) => line.startsWith(row) && isThere(line)),
      name,
    ).toBe(true)
  }
})

test('no document uses what the oldest Node does not know', () => {
  for (const document of documents) {
    for (const { language, text } of blocksOf(read(document))) {
      if (language === 'js') expect(text, document).not.toMatch(/^\s*(await )?using /m)
    }
  }
})

test('every command in the README is run by CI', () => {
  const ci = readFileSync(`${root}/.ci/run`, 'utf8')
  const blocks = blocksOf(readme).filter(({ language }) => language === 'sh')
  const commands = blocks.flatMap(({ text }) => text.split(/&&|\n/).map((line) => line.trim()))
  expect(commands.filter((command) => command !== '')).toEqual([
    'npm install pagestore', // of the tarball, with no compiler: test/package
    'npm ci',
    'npm start',
    'npm cit',
  ])
  // What a step runs stands behind its name.
  const run = [...ci.matchAll(/^step "[^"]*" (.*)$/gm)].map(([, command]) => command!)
  for (const step of ['npm cit', 'npm start', 'npm run test:package']) {
    expect(
      run.some((command) => command.startsWith(step)),
      step,
    ).toBe(true)
  }
})
