import { PageStoreError } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { CallFixture } from '../support/call-fixture.js'
import { countsOfArguments, makeCall, type PublicCall } from '../support/public-calls.js'
import { valuesOfAllKinds } from '../support/wrong-kinds.js'

/** Where other values are in a value: in it as a whole, and in what plain objects and arrays have. */
function pathsIn(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value))
  const names = isPlain ? Object.keys(value).slice(0, mostNames) : []
  return [path, ...names.flatMap((name) => pathsIn((value as Record<string, unknown>)[name], [...path, name]))]
}
// Of a thread's registers, some.
const mostNames = 12

function replaced(value: unknown, [name, ...rest]: string[], by: unknown): unknown {
  if (name === undefined) return by
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) }
  return Object.assign(copy, { [name]: replaced((value as Record<string, unknown>)[name], rest, by) })
}

/** Whether the engine, which ran what it was given as code of the caller's, has thrown. */
function isOfCaller(error: unknown, value: string): boolean {
  return error instanceof TypeError && (value === 'a class' || value === 'what looks like a Uint8Array')
}

/** What is wrong with how a call takes values of all kinds in one of its arguments. */
async function faultsAt(call: PublicCall, index: number): Promise<string[]> {
  const faults: string[] = []
  let fixture = new CallFixture()
  for (const path of pathsIn(call.args(fixture)[index])) {
    for (const [name, value] of valuesOfAllKinds()) {
      const args = call.args(fixture)
      try {
        await makeCall(call, fixture, args.with(index, replaced(args[index], path, value)))
        fixture.close()
        fixture = new CallFixture()
      } catch (error) {
        if (error instanceof PageStoreError || isOfCaller(error, name)) continue
        faults.push(`argument ${[index, ...path].join('.')} as ${name}: ${error}`)
      }
    }
  }
  // After all that was refused, what is right is taken.
  await makeCall(call, fixture, call.args(fixture))
  fixture.close()
  return faults
}

const calls = [...countsOfArguments()].filter(([, count]) => count > 0)

describe('a value of another kind is refused with a PageStoreError, and the object is as usable as before', () => {
  test.each(calls.map(([call, count]) => ({ name: call.name, call, count })))('$name', async ({ call, count }) => {
    const faults: string[] = []
    for (let index = 0; index < count; index++) faults.push(...(await faultsAt(call, index)))
    expect(faults).toEqual([])
  })
})
