/** WebAssembly modules as subjects. */

import { types } from 'node:util'
import { bytesOf, checkObject, optionsOf } from '../../arguments.js'
import { PageStoreError } from '../../errors.js'
import type { GrowingSource } from '../../local-memory.js'
import type { PageStore } from '../../page-store.js'
import { refuse } from '../../wasm/cursor.js'
import { type Instrumented, instrument } from '../../wasm/instrument.js'
import { type Memory, type Module, readModule } from '../../wasm/module.js'
import { withOriginalOffsets } from '../../wasm/offsets.js'
import { stateOf } from '../../wasm/state.js'
import type { Running, Step, Subject } from '../subject.js'
import { stepOf } from './byte-model.js'
import { wasmLayout } from './wasm-layout.js'
import { type WasmInstance, type WasmKind, WasmMemory } from './wasm-memory.js'
import { engine, type WasmImports } from './webassembly.js'

/** How a module is instantiated. */
export interface WasmOptions {
  /** What the module imports: `{ env: { log: console.log } }`. Default: nothing. */
  imports?: WasmImports | undefined
  /**
   * Whether to explore a module with mutable globals that hold references, which do not roll back, because they keep no
   * state. Default: false.
   */
  allowGlobals?: boolean | undefined
}

/** A global that can change, and that does not roll back. */
export interface MutableGlobal {
  /** The name under which it is exported or imported, or that the compiler gave it, or its number. */
  name: string
}

/**
 * Explores a WebAssembly module that exports `memory`, `alternatives(): i32` (how many alternatives there are now; 0 is a
 * deadlock, a number below 0 says that the module ended as it should) and `choose(i32)`, which takes one. A module may
 * export `ways` in place of `alternatives`, as older ones do. If it exports `_initialize`, as libraries for WASI do, that
 * runs once, before anything else. A trap is a crash.
 *
 * Its memory rolls back, growth included, and so do its globals of numbers and vectors. All of that counts. Addresses are
 * those of its memory; a global that can change is a variable, by its name, and an exported constant global, as linkers
 * make for variables, is the address of one. What else can change is refused: see {@link WasmModel.constructor}. What
 * imported functions remember is the host's, and does not roll back.
 */
export class WasmModel implements Subject {
  readonly #module: Module
  readonly #instrumented: Instrumented
  readonly #compiled: object
  readonly #imports: WasmImports
  readonly #growsMemory: boolean
  /** The name of the export that counts alternatives. */
  readonly #counter: 'alternatives' | 'ways'
  /** Mutable globals that do not roll back, by name or number. */
  readonly uncaptured: readonly MutableGlobal[]

  /**
   * Compiles the module; each run has an instance of its own.
   * @throws `ERR_MODEL` for a module that lacks one of the exports; that has state which does not roll back (mutable globals
   * that hold references, tables that it changes, objects that it changes and keeps, a second memory); or that has something
   * in it that we do not know; `ERR_ARGUMENT_TYPE`, `ERR_BUFFER_DETACHED`
   */
  constructor(bytes: Uint8Array, options: WasmOptions = {}) {
    const { imports = {}, allowGlobals = false } = optionsOf(options, ['imports', 'allowGlobals'])
    checkObject(imports, 'imports')
    // A copy: what was checked is what runs.
    const own = bytesOf(bytes, 'a module').slice()
    if (!engine.validate(own)) compile(own)
    this.#module = readModule(own)
    const counter = this.#module.exports.some(({ name }) => name === 'alternatives') ? 'alternatives' : undefined
    this.#counter = counter ?? (this.#module.exports.some(({ name }) => name === 'ways') ? 'ways' : 'alternatives')
    checkExports(this.#module, this.#counter)
    const state = stateOf(this.#module)
    this.uncaptured = state.uncaptured.map(({ name }) => ({ name }))
    if (state.uncaptured.length > 0 && !allowGlobals) {
      const names = state.uncaptured.map(({ name, type }) => `${name}: ${type.name}`).join(', ')
      refuse(
        `the module has mutable globals that hold references, which do not roll back (${names}): keep their state in ` +
          'memory, or pass allowGlobals: true if they are no part of the state',
      )
    }
    this.#growsMemory = state.growsMemory
    this.#imports = imports
    this.#instrumented = instrument(this.#module, state)
    this.#compiled = compile(this.#instrumented.bytes)
  }

  /**
   * Instantiates the module. What it imports of memory and globals is put back when the run is closed.
   * @throws `ERR_MODEL` where that fails
   */
  open(store: PageStore): Running {
    const importedMemory = this.#importedMemory()
    const before = importedMemory && Uint8Array.from(new Uint8Array(importedMemory.buffer))
    const kind = this.#kind(importedMemory)
    const memory = new WasmMemory(store, kind)
    const { start: startName, saved } = this.#instrumented
    const call = (name: string, ...args: number[]) => (memory.exports[name] as (...args: number[]) => number)(...args)
    const alternatives = () => call(this.#counter)
    const step = (run: () => number) => this.#located(stepOf(run))
    return {
      memory,
      layout: wasmLayout(this.#module, memory.exports, saved, kind.besideAddress),
      start: () =>
        step(() => {
          if (startName !== undefined) call(startName)
          if (isProcedure(this.#module, '_initialize')) call('_initialize')
          return alternatives()
        }),
      take: (alternative) =>
        step(() => {
          call('choose', alternative)
          return alternatives()
        }),
      close() {
        memory.close()
        if (importedMemory && before) new Uint8Array(importedMemory.buffer).set(before)
      },
    }
  }

  /** A failure says where it was in the module that was given. */
  #located(step: Step): Step {
    if (step.kind !== 'failure' || step.failure.detail === undefined) return step
    const detail = withOriginalOffsets(step.failure.detail, this.#module, this.#instrumented)
    return { ...step, failure: { ...step.failure, detail } }
  }

  #kind(importedMemory: GrowingSource | undefined): WasmKind {
    const { saved } = this.#instrumented
    const [type] = this.#module.memories
    const isShared = this.#module.tables.some(({ isImported }) => isImported)
    return {
      instantiate: () => this.#instantiate(),
      words: saved.reduce((sum, { size }) => sum + size / 4, 0),
      besideAddress: besideAddress(this.#growsMemory || importedMemory !== undefined, type),
      growsMemory: this.#growsMemory && importedMemory === undefined && !isShared,
      isAlone: importedMemory ? 'it imports its memory' : isShared ? 'it imports a table' : undefined,
      hasLongAddresses: type?.hasLongAddresses === true,
    }
  }

  #instantiate(): WasmInstance {
    const { get, set } = this.#instrumented
    let exports: Record<string, unknown>
    try {
      exports = new engine.Instance(this.#compiled, this.#imports).exports
    } catch (error) {
      if (error instanceof RangeError) throw error
      throw new PageStoreError('ERR_MODEL', error instanceof Error ? error.message : String(error))
    }
    return {
      exports,
      memory: exports['memory'] as GrowingSource,
      getWord: exports[get ?? ''] as WasmInstance['getWord'],
      setWord: exports[set ?? ''] as WasmInstance['setWord'],
    }
  }

  #importedMemory(): GrowingSource | undefined {
    const from = this.#module.memories[0]?.from
    if (from === undefined) return undefined
    const memory = this.#imports[from.module]?.[from.name] as GrowingSource | undefined
    if (memory !== undefined && types.isAnyArrayBuffer(memory?.buffer)) return memory
    return refuse(`the module imports the memory ${from.module}.${from.name}`)
  }
}

/** @throws `ERR_MODEL` for what is no module, or uses what the engine does not have */
function compile(bytes: Uint8Array): object {
  try {
    return new engine.Module(bytes)
  } catch (error) {
    throw new PageStoreError('ERR_MODEL', error instanceof Error ? error.message : String(error))
  }
}

/** What each export has to be, and what it takes and gives. */
function checkExports(module: Module, counter: string): void {
  const memory = module.exports.find(({ name }) => name === 'memory')
  if (memory?.kind !== 'memory') refuse('the module exports no memory "memory"')
  for (const [name, parameters, results] of [
    [counter, [], ['i32']],
    ['choose', ['i32'], undefined],
  ] as const) {
    const type = functionType(module, name) ?? refuse(`the module exports no function "${name}"`)
    const isAsked =
      parameters.join() === type.parameters.join() && (results ?? type.results).join() === type.results.join()
    if (!isAsked) {
      refuse(
        `the module's function "${name}" takes (${type.parameters.join(', ')}) and gives (${type.results.join(', ')}): ` +
          'alternatives takes nothing and gives an i32, choose takes an i32',
      )
    }
  }
}

/** The names of the types of an exported function. */
function functionType(module: Module, name: string): { parameters: string[]; results: string[] } | undefined {
  const exported = module.exports.find((each) => each.name === name)
  if (exported?.kind !== 'function') return undefined
  const type = module.types[module.functions[exported.index] ?? -1]
  if (type === undefined) return undefined
  return { parameters: type.parameters.map((each) => each.name), results: type.results.map((each) => each.name) }
}

/** Whether a function of that name is exported that takes nothing. */
function isProcedure(module: Module, name: string): boolean {
  return functionType(module, name)?.parameters.length === 0
}

const wasmPage = 65_536

/** The address of what lies beside the memory: where the memory cannot reach, and as low as can be, for a flat tree. */
function besideAddress(canGrow: boolean, type: Memory | undefined): bigint {
  if (type === undefined) return 0n
  if (!canGrow) return BigInt(type.least * wasmPage)
  const most = type.hasLongAddresses ? 2 ** 40 : 2 ** 32
  return BigInt(Math.min((type.most ?? most) * wasmPage, most))
}
