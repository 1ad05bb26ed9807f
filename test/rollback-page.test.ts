/** Each row of the tables in docs/rollback.md is true: the program that it names is explored. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { read, root } from './support/documents.js'
import { build } from './support/tracees.js'

interface Row {
  home: string
  search: string
  program: string
}

const rows: Row[] = [...read('docs/rollback.md').matchAll(/^\|(.*)\|$/gm)]
  .map(([, cells]) => cells!.split('|').map((cell) => cell.trim()))
  .filter((cells) => cells.at(-1)?.endsWith('.c`'))
  .map(([home, , , search, program]) => ({ home: home!, search: search!, program: program!.replaceAll('`', '') }))

// The code with which a program ends that this machine lacks something for (homes/lacks.h).
const lacking = 77

/** What a search does, in the words of the page, or that the machine lacks what the program is about. */
async function outcome(program: string): Promise<string> {
  const subject = new Program(build(`homes/${program}`, { flags: ['-g', '-O1'] }))
  const found = await explore(subject, { maxStates: 100 }).catch((error: { code: string }) => error.code)
  if (typeof found === 'string') return `\`${found}\``
  if (found.violations.some(({ property }) => property === `exit(${lacking})`)) return 'lacking'
  if (found.warnings.length > 0) return `warning: ${found.warnings.join('; ')}`
  const failures = found.violations.map(({ property, choices }) => `${property} after ${choices.length} choices`)
  const text = `${found.states} states, ${found.complete ? 'all' : 'not all'}: ${failures}`
  return text === '3 states, all: three after 3 choices' ? 'exact' : text
}

describe.each(rows)('$home ($program)', ({ home, search, program }) => {
  test(search, async ({ skip }) => {
    const is = await outcome(program)
    const lack = `This machine lacks what ${program} needs: ${home}`
    if (is === 'lacking') console.warn(lack) // the usual reporter counts what is skipped, and does not say why
    skip(is === 'lacking', lack)
    const [kind, call] = search.split(': ')
    if (kind === 'warning') expect(is).toMatch(new RegExp(`^warning: .*\\b${call!.replaceAll('`', '')}\\b`))
    else expect(is).toBe(search)
  })
})

test('every program of test/programs/homes has a row', () => {
  const programs = readdirSync(join(root, 'test/programs/homes')).filter((name) => name.endsWith('.c'))
  expect(rows.map(({ program }) => program).sort()).toEqual(programs.sort())
})
