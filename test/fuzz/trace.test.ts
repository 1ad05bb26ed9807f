/** A trace file may be anything: it is taken again, or refused, and the program runs its steps at most. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import fc from 'fast-check'
import { PageStoreError } from 'pagestore'
import { expect, test, vi } from 'vitest'

import { replay } from '../../dist/lib/cli/replay.js'
import { readTrace } from '../../dist/lib/cli/trace-file.js'
import { buildExample } from '../support/examples.js'
import { ownFolder } from '../support/programs.js'
import { damaged, damageOf, rounded } from '../support/rounds.js'

const folder = ownFolder()
const file = join(folder, 'trace.json')
const program = buildExample('bugs/ring')
const signal = new AbortController().signal

const good = {
  version: 1,
  program: [program],
  kind: 'assertion',
  property: 'first in, first out',
  choices: [0, 0, 0, 0, 1],
  steps: [{ choice: 0, alternatives: 2, location: 'ring.c:31', changes: [{ address: '0x10', what: 'ring[1]' }] }],
}

/** Of what is no trace: refused by that code alone. */
async function isTaken(): Promise<boolean> {
  try {
    const { choices } = await readTrace(file)
    expect(choices.every((each: unknown) => Number.isSafeInteger(each) && Number(each) >= 0)).toBe(true)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(PageStoreError)
    expect(error).toMatchObject({ code: 'ERR_TRACE' })
    expect((error as Error).message.length).toBeLessThan(1000)
    return false
  }
}

/** The exit code of a replay; 2 where it is refused. */
async function replayed(): Promise<number> {
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  try {
    return await replay(file, [program], { stepTimeout: 10_000 }, signal)
  } catch (error) {
    expect(error).toBeInstanceOf(PageStoreError)
    expect((error as PageStoreError).code).toMatch(/^ERR_TRACE$/)
    return 2
  } finally {
    printed.mockRestore()
  }
}

const texts = [JSON.stringify(good), JSON.stringify(good, undefined, 2)]
const bytes = fc
  .constantFrom(...texts)
  .chain((text) => damageOf(text.length).map((damage) => damaged(Buffer.from(text), damage)))
const value = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 1.5, 1e300, 2 ** 53, '0', null, true, [], {}, -0))
const changed = fc
  .tuple(fc.constantFrom('version', 'kind', 'property', 'choices', 'steps', 'program', '__proto__'), value)
  .map(([name, by]) =>
    Buffer.from(`${JSON.stringify(good).slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(by)}}`),
  )
const path = fc
  .array(fc.oneof({ weight: 8, arbitrary: fc.nat(2) }, value as fc.Arbitrary<unknown>), { maxLength: 12 })
  .map((choices) => Buffer.from(JSON.stringify({ ...good, choices })))

test('a damaged trace is one, or is none', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(bytes, changed, path, fc.json().map(Buffer.from)), async (text) => {
      writeFileSync(file, text)
      await isTaken()
    }),
    rounded(300, 20),
  )
})

test('a trace that is one leads somewhere, or the program does not have it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(bytes, changed, path, path), async (text) => {
      writeFileSync(file, text)
      const taken = await isTaken()
      const code = await replayed()
      if (taken) expect([0, 1, 2]).toContain(code)
      else expect(code).toBe(2)
    }),
    rounded(30, 2),
  )
})

test('what is deep, long, no file or not there is refused', async () => {
  const refused = async (text: string | Buffer) => {
    writeFileSync(file, text)
    expect(await isTaken()).toBe(false)
  }
  await refused('['.repeat(1e6))
  await refused(`${'['.repeat(1e5)}${']'.repeat(1e5)}`)
  await refused(`{"version":1,"choices":[${'0,'.repeat(1e5)}"x"]}`)
  await refused(Buffer.alloc(1e6))
  await refused('')
  const folderInstead = join(folder, 'folder')
  mkdirSync(folderInstead)
  for (const other of [folderInstead, join(folder, 'nothing'), '/dev/zero', `${file}\0`]) {
    await expect(readTrace(other)).rejects.toMatchObject({ code: 'ERR_TRACE' })
  }
})
