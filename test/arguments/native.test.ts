/**
 * The addon's functions themselves, with what passes the facade and what never would. The process lives on, and what a
 * function throws is a PageStoreError.
 *
 * `PAGESTORE_TEST_ROUNDS` says how many sequences of calls, `PAGESTORE_TEST_SEED` from which seed on.
 */
import fc from 'fast-check'
import { PageStoreError, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

import { type Handle, type Native, native } from '../../dist/lib/addon/native.js'
import { observed, program } from '../support/call-fixture.js'
import { declaredFunctions } from '../support/declared-calls.js'
import { valuesOfAllKinds } from '../support/wrong-kinds.js'

const numRuns = Number(process.env['PAGESTORE_TEST_ROUNDS'] ?? 60)
const seed = Number(process.env['PAGESTORE_TEST_SEED'] ?? 1)

const functions = declaredFunctions('addon/native.d.ts', 'Native').filter(({ name }) => name !== 'setErrorClass')

/** What calls are made with: handles by what they name, and arrays that stay where they are. */
class World {
  readonly store = native.open(undefined, undefined, undefined)
  readonly other = native.open(undefined, undefined, undefined)
  readonly bytes = new Uint8Array(4 * pageSize).fill(3)
  readonly beside = new Uint8Array(pageSize)
  readonly memories: Handle[]
  readonly snapshots: Handle[]
  readonly kept: Handle

  constructor(withTracee: boolean) {
    const local = native.openLocalMemory(this.store, undefined, 2n ** 40n)
    const observing = native.openProcessMemory(this.store, observed(), undefined, true)
    native.storePages(this.store, this.bytes, new Uint32Array(4))
    this.memories = [local, observing]
    this.snapshots = [native.captureMemory(this.store, local, this.bytes, this.beside)]
    this.kept = native.openKeptStart()
    if (!withTracee) return
    const tracee = native.spawnTracee(this.store, spawned, undefined)
    this.memories.push(tracee)
    this.snapshots.push(native.captureMemory(this.store, tracee))
  }

  close(): void {
    native.close(this.store)
    native.close(this.other)
    native.closeKeptStart(this.kept)
  }
}

const spawned = {
  file: program,
  args: [program, 'choices'],
  env: [],
  cwd: undefined,
  stdin: undefined,
  stdout: undefined,
  stderr: undefined,
  inheritsStdin: false,
  inheritsStdout: false,
  inheritsStderr: false,
  restoresFiles: true,
  hasDeterministicAddresses: true,
  hasDeterministicRandom: true,
  hasKeptClock: false,
  sharesProcessor: true,
  isDetachable: true,
  furtherCalls: undefined,
  timeout: 10_000,
}

/** Requests have a limit: else a program that waits for a signal waits for ever. */
function requestWith(number: number): Float64Array {
  const { resumeSlots } = native
  return Float64Array.from(resumeSlots, (slot) =>
    slot === 'timeout' ? 5 : slot === 'choose' ? number % 4 : Number.NaN,
  )
}

/** What a parameter takes, more or less. */
function fitting(world: World, name: string, type: string, pick: number): unknown {
  const of = (values: readonly unknown[]) => values[pick % values.length]
  if (type === 'Handle') {
    if (name === 'memory') return of(world.memories)
    if (name === 'store' || name === 'handle') return of([world.store, world.store, world.store, world.other])
    return name === 'kept' ? world.kept : of(world.snapshots)
  }
  if (name === 'pid') return of([observed(), process.pid, 2 ** 22 + 1])
  if (name === 'thread') return undefined
  if (name === 'what') return of([spawned, { ...spawned, file: '/nothing' }, { ...spawned, args: [1] }])
  if (name === 'request') return requestWith(pick)
  if (name === 'stop') return new Float64Array(native.stopSlots.length)
  if (name === 'location') return world.bytes
  if (name === 'beside') return type === 'bigint' ? of([0n, 2n ** 40n, 2n ** 52n]) : world.beside
  if (name === 'token') return native.token(world.other)
  if (type.startsWith('bigint')) return of([0n, 4096n, 2n ** 40n, 2n ** 47n, 2n ** 64n - 1n])
  if (type.startsWith('number')) return of([0, 1, 2, 3, pageSize, 2 ** 20])
  if (type.startsWith('boolean')) return pick % 2 === 0
  if (type.startsWith('TrackerKind')) return of([undefined, 'none', 'write-protect', 'soft-dirty'])
  if (type.startsWith('Uint8Array')) return new Uint8Array(of([0, 1, pageSize, 4 * pageSize]) as number)
  if (type === 'Uint32Array') return Uint32Array.from({ length: pick % 6 }, (_, i) => i)
  if (type === 'Float64Array') return new Float64Array(native.statistics.length)
  if (type === 'BigUint64Array') return new BigUint64Array(native.registerNames.length)
  return undefined
}

interface MadeCall {
  index: number
  picks: number[]
  /** For each argument, of how many tenths it is of any kind. */
  strange: number[]
}

const madeCall: fc.Arbitrary<MadeCall> = fc.record({
  index: fc.nat(functions.length - 1),
  picks: fc.array(fc.nat(1000), { minLength: 6, maxLength: 6 }),
  strange: fc.array(fc.nat(9), { minLength: 6, maxLength: 6 }),
})

function run(world: World, { index, picks, strange }: MadeCall): void {
  const { name, names, types } = functions[index]!
  const kinds = valuesOfAllKinds()
  const values = names.map((each, i) => {
    const pick = picks[i] ?? 0
    return (strange[i] ?? 0) < 3 ? kinds[pick % kinds.length]![1] : fitting(world, each, types[i] ?? '', pick)
  })
  const made: unknown = Reflect.apply(native[name as keyof Native] as () => unknown, undefined, values)
  if (name === 'open' || name === 'openShared') native.close(made as Handle)
  if (name === 'openKeptStart') native.closeKeptStart(made as Handle)
  if (name === 'captureMemory') world.snapshots.push(made as Handle)
  if (/^(spawn|attach)Tracee$|^open(Local|Process)Memory$/.test(name)) native.closeMemory(made as Handle)
}

test('no function of the addon ends the process, whatever it is called with', () => {
  const calls = fc.array(madeCall, { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(calls, fc.nat(3), (calls, kind) => {
      const world = new World(kind === 0)
      try {
        for (const call of calls) {
          try {
            run(world, call)
          } catch (error) {
            // The engine's, of a Proxy that was revoked.
            if (!(error instanceof PageStoreError) && !(error instanceof TypeError)) throw error
          }
        }
      } finally {
        world.close()
      }
    }),
    { numRuns, seed },
  )
  expect(functions.length).toBeGreaterThan(50)
})
