/** What we use of WebAssembly: its types come with browsers' (`lib.dom`), which users of Node need not have. */

/** What a module imports: `{ env: { log: console.log } }`. */
export type WasmImports = Record<string, Record<string, unknown>>

interface Engine {
  validate(bytes: Uint8Array): boolean
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: WasmImports) => { exports: Record<string, unknown> }
  Global: new () => { value: unknown }
}

export const engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly
