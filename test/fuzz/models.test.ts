/** Models in plain TypeScript that answer anything, and modules of which some bytes are others. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import fc from 'fast-check'
import { PageStoreError } from 'pagestore'
import { ByteModel, type Bytes, explore } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { damaged, damageOf, rounded } from '../support/rounds.js'
import { assemble } from '../support/wasm.js'
import { valuesOfAllKinds } from '../support/wrong-kinds.js'

class Thrown extends Error {}

const values = valuesOfAllKinds()
const odd = (value: number) => values[value % values.length]![1]

/** What a model may do instead of what it should. */
const acts: Record<string, (model: { state: Uint8Array }, value: number) => unknown> = {
  answers: (_, value) => odd(value),
  throws(_, value) {
    throw odd(value)
  },
  'throws an error'() {
    throw new Thrown()
  },
  'has another array'(model) {
    model.state = new Uint8Array(model.state)
    return 1
  },
  'loses its bytes'({ state }) {
    if (state.buffer instanceof ArrayBuffer) structuredClone(state.buffer, { transfer: [state.buffer] })
    return 1
  },
  shrinks({ state }) {
    if (state.buffer instanceof ArrayBuffer && state.buffer.resizable) state.buffer.resize(1)
    return 2
  },
  grows({ state }) {
    if (state.buffer instanceof ArrayBuffer && state.buffer.resizable) state.buffer.resize(20_000)
    return 2
  },
  'has very many': () => Number.MAX_SAFE_INTEGER,
}

const fault = fc.record({
  call: fc.constantFrom('alternatives', 'choose'),
  after: fc.nat(6),
  act: fc.constantFrom(...Object.keys(acts)),
  value: fc.nat(1000),
})

test('a model in plain TypeScript may do anything', async () => {
  const options = fc.record({ strategy: fc.constantFrom('breadth' as const, 'depth' as const), verify: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(fault, { maxLength: 2 }), fc.boolean(), options, async (faults, resizes, options) => {
      let calls = 0
      const answer = (call: string, model: { state: Uint8Array }, proper: () => unknown) => {
        const found = faults.find((each) => each.call === call && each.after <= calls++)
        return found === undefined ? proper() : acts[found.act]!(model, found.value)
      }
      const buffer = resizes ? new ArrayBuffer(8, { maxByteLength: 20_000 }) : new ArrayBuffer(8)
      const model = {
        state: new Uint8Array(buffer),
        alternatives: () => answer('alternatives', model, () => 3),
        choose: (alternative: number) =>
          answer('choose', model, () => {
            model.state[alternative] = ((model.state[alternative] ?? 0) + 1) % 3
          }),
      }
      try {
        const found = await explore(new ByteModel(model as Bytes), { ...options, maxTransitions: 120 })
        expect(found.states).toBeLessThanOrEqual(27 + 120)
      } catch (error) {
        expect(error).toBeInstanceOf(PageStoreError)
        expect((error as PageStoreError).code).toMatch(/^ERR_(MODEL|ARGUMENT_TYPE|BUFFER_DETACHED|MEMORY_SIZE)$/)
      }
    }),
    rounded(60, 10),
  )
})

const programs = join(import.meta.dirname, '../programs/wasm')
const small = assemble(`(module (memory (export "memory") 1 3) (global $g (mut i32) (i32.const 0)) (table 2 funcref)
  (elem (i32.const 0) $step $step) (data (i32.const 8) "abc")
  (func $step (param i32) (i32.store (i32.const 16) (i32.rem_u (i32.add (i32.load (i32.const 16)) (local.get 0)) (i32.const 5))))
  (func (export "alternatives") (result i32) (i32.add (i32.const 2) (global.get $g)))
  (func (export "choose") (param i32) (call_indirect (param i32) (local.get 0) (i32.const 1))
    (if (i32.eq (i32.load (i32.const 16)) (i32.const 3)) (then (global.set $g (i32.const 1)) (drop (memory.grow (i32.const 1)))))))`)
const modules = [small, small, readFileSync(join(programs, 'shelf.wasm'))]
// Nobody can know whether a module comes back. One that does not within so many milliseconds is not waited for.
const patience = 2000

test('a damaged module is explored or refused', async () => {
  let worker: Worker | undefined
  const tally = new Map<string, number>()
  const begin = () => new Worker(new URL('../support/exploring-worker.mjs', import.meta.url))
  const broken = fc
    .constantFrom(...modules)
    .chain((module) => damageOf(module.length, 2).map((by) => damaged(module, by)))
  try {
    await fc.assert(
      fc.asyncProperty(broken, async (bytes) => {
        worker ??= begin()
        const over = new AbortController()
        const timer = setTimeout(() => over.abort(), patience)
        worker.postMessage(bytes)
        let kind = 'endless'
        try {
          // A worker that ends by itself emits an error, or an end.
          const [answer] = await Promise.race([
            once(worker, 'message', over),
            once(worker, 'exit', over).then(([code]) => [{ code: `exit ${code}`, message: '' }]),
          ])
          if (answer.states === undefined) expect(answer, answer.message).toMatchObject({ code: 'ERR_MODEL' })
          kind = answer.states === undefined ? 'refused' : 'explored'
        } catch (error) {
          if (!over.signal.aborted) throw error
          await worker.terminate()
          worker = undefined
        } finally {
          clearTimeout(timer)
          over.abort()
        }
        tally.set(kind, (tally.get(kind) ?? 0) + 1)
      }),
      rounded(300, 20),
    )
  } finally {
    await worker?.terminate()
  }
  console.log([...tally].map(([kind, count]) => `${kind} ${count}`).join(', '))
  expect(tally.get('explored')).toBeGreaterThan(10)
})
