// The types of Node know no WebAssembly: as much of it as the tests use.
declare namespace WebAssembly {
  class Memory {
    constructor(options: { initial: number; maximum?: number; shared?: boolean })
    readonly buffer: ArrayBuffer
    grow(delta: number): number
  }
  class Global {
    constructor(type: { value: string; mutable?: boolean }, value?: number | bigint)
    value: number | bigint
  }
  class Table {
    constructor(type: { element: string; initial: number })
  }
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports?: object)
    readonly exports: Record<string, unknown>
  }
  function validate(bytes: Uint8Array): boolean
}
