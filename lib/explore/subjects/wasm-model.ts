import { PageStoreError } from '../../errors.js'
import { type GrowingSource, LocalMemory } from '../../local-memory.js'
import type { PageStore } from '../../page-store.js'
import type { Layout, Running, Subject } from '../subject.js'
import { stepOf } from './byte-model.js'
import { type MutableGlobal, mutableGlobals } from './wasm-globals.js'
import { engine, type WasmImports } from './webassembly.js'

/** How a module is instantiated. */
export interface WasmOptions {
  /** What it is given: `{ env: { log: console.log } }`. Default: nothing. */
  imports?: WasmImports | undefined
  /** Explore although some mutable globals do not roll back: they hold no state. Default: false. */
  allowGlobals?: boolean | undefined
}

/**
 * Explores a WebAssembly module that exports `memory`, `ways(): i32` (how many ways lead on; 0: none, below 0: a good
 * end) and `choose(i32)`. A trap is a crash. Its addresses are those of its memory, and exported constant globals, as
 * linkers make for variables, are names for them.
 *
 * Only memory rolls back. Mutable globals do not, other than the stack pointer, which is the same between calls; tables
 * that the module changes do not either.
 */
export class WasmModel implements Subject {
  readonly #module: object
  readonly #imports: WasmImports
  /** Mutable globals that do not roll back, by name or number. */
  readonly uncaptured: readonly MutableGlobal[]

  /**
   * Compiles the module; each run has an instance of its own.
   * @throws `ERR_MODEL` for a module that is none of that kind or keeps state in globals
   */
  constructor(bytes: Uint8Array, options: WasmOptions = {}) {
    const { imports = {}, allowGlobals = false } = options
    try {
      this.#module = new engine.Module(bytes)
    } catch (error) {
      throw new PageStoreError('ERR_MODEL', error instanceof Error ? error.message : String(error))
    }
    this.#imports = imports
    this.uncaptured = mutableGlobals(bytes).filter(({ isStackPointer }) => !isStackPointer)
    const [first] = this.uncaptured
    if (first !== undefined && !allowGlobals) {
      throw new PageStoreError(
        'ERR_MODEL',
        `the module keeps state in ${this.uncaptured.length} mutable globals that do not roll back (${first.name}): keep it in memory, or say allowGlobals`,
      )
    }
    const kinds = new Map(engine.Module.exports(this.#module).map(({ name, kind }) => [name, kind]))
    for (const [name, kind] of Object.entries({ memory: 'memory', ways: 'function', choose: 'function' })) {
      if (kinds.get(name) !== kind) throw new PageStoreError('ERR_MODEL', `the module exports no ${kind} "${name}"`)
    }
  }

  /** Instantiates the module. */
  open(store: PageStore): Running {
    const { exports } = new engine.Instance(this.#module, this.#imports)
    const memory = new LocalMemory(store, exports['memory'] as GrowingSource)
    const ways = exports['ways'] as () => number
    const choose = exports['choose'] as (way: number) => void
    return {
      memory,
      layout: layoutOf(exports),
      start: () => stepOf(ways),
      go: (way) =>
        stepOf(() => {
          choose(way)
          return ways()
        }),
      close: () => memory.close(),
    }
  }
}

function layoutOf(exports: Record<string, unknown>): Layout {
  const names = new Map<string, bigint>()
  for (const [name, value] of Object.entries(exports)) {
    if (value instanceof engine.Global && typeof value.value === 'number') names.set(name, BigInt(value.value))
  }
  return {
    find(name) {
      const address = names.get(name)
      if (address === undefined) throw new PageStoreError('ERR_SYMBOL', `the module exports no address ${name}`)
      return { address, size: 0 }
    },
    hidesUnnamed: false,
    nameOf: () => undefined,
    declared: () => [],
  }
}
