/** WebAssembly modules as subjects. */

import { PageStoreError } from '../../errors.js'
import { type GrowingSource, LocalMemory } from '../../local-memory.js'
import type { PageStore } from '../../page-store.js'
import type { Layout, Running, Subject } from '../subject.js'
import { stepOf } from './byte-model.js'
import { type MutableGlobal, mutableGlobals } from './wasm-globals.js'
import { engine, type WasmImports } from './webassembly.js'

/** How a module is instantiated. */
export interface WasmOptions {
  /** What the module imports: `{ env: { log: console.log } }`. Default: nothing. */
  imports?: WasmImports | undefined
  /** Whether to explore a module with mutable globals, which do not roll back, because they keep no state. Default: false. */
  allowGlobals?: boolean | undefined
}

/**
 * Explores a WebAssembly module that exports `memory`, `alternatives(): i32` (how many alternatives there are now; 0 is a
 * deadlock, a number below 0 says that the module ended as it should) and `choose(i32)`, which takes one. A module may
 * export `ways` in place of `alternatives`, as older ones do. A trap is a crash. Addresses are those of its memory;
 * exported constant globals, as linkers make for variables, are names for them.
 *
 * Only memory rolls back. Mutable globals do not, other than the stack pointer, which is the same between calls; tables
 * that the module changes do not either.
 */
export class WasmModel implements Subject {
  readonly #module: object
  readonly #imports: WasmImports
  /** The name of the export that counts alternatives. */
  readonly #counter: 'alternatives' | 'ways'
  /** Mutable globals that do not roll back, by name or number. */
  readonly uncaptured: readonly MutableGlobal[]

  /**
   * Compiles the module; each run has an instance of its own.
   * @throws `ERR_MODEL` for a module that lacks one of the exports, or has mutable globals
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
    if (this.uncaptured.length > 0 && !allowGlobals) {
      throw new PageStoreError(
        'ERR_MODEL',
        `the module has mutable globals, which do not roll back (${this.uncaptured.map(({ name }) => name).join(', ')}): ` +
          'keep their values in memory, or pass allowGlobals: true if they are no part of the state',
      )
    }
    const kinds = new Map(engine.Module.exports(this.#module).map(({ name, kind }) => [name, kind]))
    this.#counter = !kinds.has('alternatives') && kinds.has('ways') ? 'ways' : 'alternatives'
    for (const [name, kind] of Object.entries({ memory: 'memory', [this.#counter]: 'function', choose: 'function' })) {
      if (kinds.get(name) !== kind) throw new PageStoreError('ERR_MODEL', `the module exports no ${kind} "${name}"`)
    }
  }

  /** Instantiates the module. */
  open(store: PageStore): Running {
    const { exports } = new engine.Instance(this.#module, this.#imports)
    const memory = new LocalMemory(store, exports['memory'] as GrowingSource)
    const alternatives = exports[this.#counter] as () => number
    const choose = exports['choose'] as (alternative: number) => void
    return {
      memory,
      layout: layoutOf(exports),
      start: () => stepOf(alternatives),
      take: (alternative) =>
        stepOf(() => {
          choose(alternative)
          return alternatives()
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
      if (address === undefined) throw new PageStoreError('ERR_SYMBOL', `the module exports no constant global ${name}`)
      return { address, size: 0 }
    },
    hidesUnnamed: false,
    nameOf: () => undefined,
    declared: () => [],
  }
}
