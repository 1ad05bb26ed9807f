// The exported types use Buffer, and TypeScript 6 loads no types that are not asked for.
/// <reference types="node" preserve="true" />

/**
 * Checks real programs by rolling them back: takes every alternative at every choice of a program, each state once.
 */

export type { Change } from './changes.js'
export type { Bound, Exploration, Progress, TraceStep, Violation, ViolationKind } from './exploration.js'
export { explore } from './explore.js'
export type { ExploreOptions, Strategy } from './options.js'
export { always, type Property, sometimes } from './property.js'
export type { ListReader, LongReader, Reader, State, Where } from './state.js'
export type { Failure, Layout, Located, Running, Step, Subject } from './subject.js'
export { ByteModel, type Bytes } from './subjects/byte-model.js'
export { Program, type ProgramOptions, type RunningProgram } from './subjects/program.js'
export { type MutableGlobal, WasmModel, type WasmOptions } from './subjects/wasm-model.js'
export type { WasmImports } from './subjects/webassembly.js'
