// The types of Node know no WebAssembly: as much of it as the tests use.
declare namespace WebAssembly {
  class Memory {
    constructor(options: { initial: number; maximum?: number; shared?: boolean })
    readonly buffer: ArrayBuffer
    grow(delta: number): number
  }
}
