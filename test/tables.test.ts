import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

import { native } from '../dist/lib/addon/native.js'
import * as tables from '../lib/addon/tables.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The names of slots, in the order of their numbers. */
function inOrder(slots: Readonly<Record<string, number>>): string[] {
  return Object.keys(slots).sort((a, b) => slots[a]! - slots[b]!)
}

test('both sides of the border give the same numbers the same names', () => {
  expect(native.trackers).toEqual(tables.trackers)
  expect(native.memoryKinds).toEqual(tables.memoryKinds)
  expect(native.stopKinds).toEqual(tables.stopKinds)
  expect(native.warningKinds).toEqual(tables.warningKinds)
  for (const [names, slots] of [
    [native.statistics, tables.statisticsSlots],
    [native.stopSlots, tables.stopSlots],
    [native.resumeSlots, tables.resumeSlots],
  ] as const) {
    expect(names).toEqual(inOrder(slots))
    expect(Object.values(slots)).toEqual(names.map((_, i) => i))
  }
  expect(native.stopFlags).toEqual(inOrder(tables.stopFlags))
  expect(Object.values(tables.stopFlags)).toEqual(native.stopFlags.map((_, i) => 1 << i))
})

test('every code that the addon throws is explained, and every code that is explained is thrown somewhere', () => {
  const codesIn = (files: string[]) => {
    const text = files.map((file) => readFileSync(`${root}/${file}`, 'utf8')).join()
    return new Set([...text.matchAll(/['"`](ERR_[A-Z_]+)['"`]/g)].map(([, code]) => code!))
  }
  const filesOf = (folder: string) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
      .map((file) => `${folder}/${file}`)
      .filter((file) => /\.(cc|h|ts)$/.test(file) && file !== 'lib/errors.ts')
  const text = readFileSync(`${root}/lib/errors.ts`, 'utf8')
  const explained = new Set([...text.matchAll(/^ \* - `(ERR_[A-Z_]+)`: /gm)].map(([, code]) => code!))
  const typed = new Set([...text.matchAll(/^ {2}\| '(ERR_[A-Z_]+)'/gm)].map(([, code]) => code!))
  expect(typed).toEqual(explained)
  const native = codesIn(filesOf('native/binding'))
  expect(native.size).toBeGreaterThan(20)
  expect([...native].filter((code) => !explained.has(code))).toEqual([])
  const thrown = codesIn([...filesOf('native/binding'), ...filesOf('lib')])
  expect([...explained].filter((code) => !thrown.has(code))).toEqual([])
})
