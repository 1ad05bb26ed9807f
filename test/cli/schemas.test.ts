import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'

import { runCli } from '../support/cli-run.js'
import { buildExample } from '../support/examples.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

type Schema = Record<string, unknown>

const ajv = new Ajv2020({ allErrors: true, strict: true })
const folder = ownFolder()
const trace = join(folder, 'trace.json')

/** A validator that also refuses what the schema does not speak of, so that no property goes without a description. */
function validatorOf(name: string) {
  const file = join(import.meta.dirname, `../../docs/${name}.schema.json`)
  return ajv.compile(closed(JSON.parse(readFileSync(file, 'utf8')) as Schema))
}

function closed<T>(schema: T): T {
  if (schema === null || typeof schema !== 'object' || Array.isArray(schema)) return schema
  const entries = Object.entries(schema).map(([name, value]) => [name, closed(value)] as const)
  const isObject = (schema as Schema)['type'] === 'object'
  return { ...Object.fromEntries(entries), ...(isObject && { additionalProperties: false }) } as T
}

const [isCheck, isTrace] = [validatorOf('check'), validatorOf('trace')]

function program(name: string, body: string): string {
  return compile(folder, name, `#include ${header}\n#include <unistd.h>\nint at;\nint main(void) { ${body} }`)
}

describe.each<[what: string, options: string[], program: () => string, violations: string[], bound: string | null]>([
  ['nothing wrong', [], () => buildExample('models/wolf'), [], null],
  ['a deadlock', [], () => buildExample('models/philosophers', ['-DN=3']), ['deadlock'], null],
  ['a failed assertion', ['--first'], () => buildExample('bugs/ring'), ['assertion'], 'first'],
  ['a crash', ['--first'], () => buildExample('bugs/order'), ['crash'], 'first'],
  ['a bound', ['--max-states', '20'], () => buildExample('models/hanoi'), [], 'states'],
  ['an exit code', [], () => program('exits', 'return ps_choose(1) + 3;'), ['exit'], null],
  ['a hang', ['--step-timeout', '200'], () => program('hangs', 'ps_choose(1); for (;;) pause();'), ['hang'], null],
])('check of a program with %s', (_, options, file, violations, bound) => {
  test('prints what check.schema.json says, and writes what trace.schema.json says', async () => {
    const { stdout } = await runCli(['check', '--json', '--trace', trace, ...options, '--', file()])
    const printed = JSON.parse(stdout)
    isCheck(printed)
    expect(isCheck.errors ?? []).toEqual([])
    expect(printed).toMatchObject({ version: 1, bound })
    if (violations.length > 0) {
      expect(printed.violations.map(({ kind }: { kind: string }) => kind)).toEqual(violations)
      isTrace(JSON.parse(readFileSync(trace, 'utf8')))
      expect(isTrace.errors ?? []).toEqual([])
    }
  })
})

test('a schema refuses what is none of its kind', () => {
  expect(isCheck({ version: 2 })).toBe(false)
  expect(isTrace({ version: 1, program: ['x'], kind: 'always', property: 'p', choices: [-1] })).toBe(false)
  expect(isTrace({ version: 1, program: ['x'], kind: 'always', property: 'p', choices: [0], more: 1 })).toBe(false)
})
