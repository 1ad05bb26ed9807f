import { PageStoreError } from 'pagestore'
import { describe, test } from 'vitest'

import { actionNames, CallFixture } from '../support/call-fixture.js'
import { closeResult, countsOfArguments, makeCall, type PublicCall } from '../support/public-calls.js'
import { trappedFormsOf, withSetterOfArrays } from '../support/trapped.js'

/** At how many moments of a call, evenly spread, the code of the caller acts. */
const mostMoments = Number(process.env['PAGESTORE_TEST_ROUNDS'] ?? 3)
const thrown = new Error('thrown by code of the caller')

/** What the caller's code does, and when: the how manieth time that it runs. */
interface Act {
  moment: number
  action: string
}

/** Code of the caller's that acts once. */
class Caller {
  runs = 0
  constructor(
    readonly fixture: CallFixture,
    readonly act: Act,
  ) {}

  readonly fire = (): void => {
    if (this.runs++ !== this.act.moment) return
    if (this.act.action === 'throws') throw thrown
    this.fixture.actions[this.act.action]?.()
  }
}

/** @returns how often the caller's code ran; nothing for a form that there is not */
async function callWith(call: PublicCall, index: number, form: number, act: Act): Promise<number | undefined> {
  const fixture = new CallFixture()
  const caller = new Caller(fixture, act)
  const args = call.args(fixture)
  const trapped = trappedFormsOf(args[index], caller.fire)[form]
  try {
    if (trapped === undefined) return undefined
    await makeCall(call, fixture, args.with(index, trapped.value))
  } catch (error) {
    if (error !== thrown && !(error instanceof PageStoreError)) {
      const where = `argument ${index} as ${trapped?.form} ${act.action} at ${act.moment}`
      throw new Error(`${where}: ${error}`, { cause: error })
    }
  } finally {
    fixture.close()
  }
  return caller.runs
}

function momentsOf(runs: number): number[] {
  const count = Math.min(runs, mostMoments)
  return Array.from({ length: count }, (_, i) => Math.floor((i * runs) / count))
}

const counts = countsOfArguments()
const all = [...counts.keys()].map((call) => ({ name: call.name, call }))
const withArguments = all.filter(({ call }) => counts.get(call)! > 0)
const actions = ['throws', ...actionNames]

describe('what an argument does in the middle of a call harms nothing but what it is done to', () => {
  test.each(withArguments)('$name', async ({ call }) => {
    for (let index = 0; index < counts.get(call)!; index++) {
      for (let form = 0; ; form++) {
        const runs = await callWith(call, index, form, { moment: -1, action: 'nothing' })
        if (runs === undefined) break
        for (const moment of momentsOf(runs)) {
          for (const action of actions) await callWith(call, index, form, { moment, action })
        }
      }
    }
  })
})

describe('what a setter of all arrays does in the middle of a call ends no process', () => {
  test.each(all)('$name', async ({ call }) => {
    for (const action of actions) {
      const fixture = new CallFixture()
      const args = call.args(fixture)
      const caller = new Caller(fixture, { moment: 0, action })
      call.prepare?.(fixture)
      try {
        closeResult(await withSetterOfArrays(caller.fire, () => call.call(fixture, args)))
      } catch {
        // What lacks an element may fail in any manner.
      }
      fixture.close()
    }
  })
})
