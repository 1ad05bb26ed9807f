/**
 * Finds the globals of a WebAssembly module that can change, in the binary format
 * (https://webassembly.github.io/spec/core/binary/modules.html). It reads no more than that takes, and relies on the
 * engine, which has checked that the module is valid.
 */

/** A global that can change, and that does not roll back. */
export interface MutableGlobal {
  /** The name under which it is exported or imported, or its number. */
  name: string
  /** Whether it is the stack pointer, which is the same between calls and so need not roll back. */
  isStackPointer: boolean
}

const sections = { custom: 0, imports: 2, globals: 6, exports: 7 } as const
const kinds = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const
const i32 = 0x7f
const i32Const = 0x41

/** What linkers call it. */
const stackPointer = '__stack_pointer'

interface Global {
  isMutable: boolean
  isNumber: boolean
  /** The value of an `i32.const` that initialises it. */
  initial: number | undefined
  name: string | undefined
  isImported: boolean
}

export function mutableGlobals(bytes: Uint8Array): MutableGlobal[] {
  const globals: Global[] = []
  const names = new Map<number, string>()
  let named: number | undefined
  const reader = createReader(bytes, 8)
  while (reader.at() < bytes.length) {
    const id = reader.byte()
    const end = reader.number() + reader.at()
    if (id === sections.imports) readImports(reader, globals)
    if (id === sections.globals) readGlobals(reader, globals)
    if (id === sections.exports) readExports(reader, names)
    if (id === sections.custom && reader.text() === 'name') named = stackPointerIn(reader, end)
    reader.seek(end)
  }
  return globals.flatMap((global, index) => {
    if (!global.isMutable) return []
    const name = names.get(index) ?? global.name ?? `global ${index}`
    const isNamed = name === stackPointer || named === index
    return [{ name, isStackPointer: isNamed || (named === undefined && isLikeStackPointer(name, index, globals)) }]
  })
}

/** Whether a linker would make a stack pointer like this: the first mutable global, not exported, the end of a stack. */
function isLikeStackPointer(name: string, index: number, globals: readonly Global[]): boolean {
  const global = globals[index]
  if (global === undefined || global.isImported || !global.isNumber || name !== `global ${index}`) return false
  const isFirst = globals.findIndex(({ isMutable }) => isMutable) === index
  return isFirst && global.initial !== undefined && global.initial >= 1024 && global.initial % 16 === 0
}

type Reader = ReturnType<typeof createReader>

function createReader(bytes: Uint8Array, start: number) {
  let at = start
  const decoder = new TextDecoder()
  function byte(): number {
    return bytes[at++] ?? 0
  }
  /** LEB128. */
  function number(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const next = byte()
      value += (next & 0x7f) * 2 ** shift
      if (next < 0x80 || shift > 63) return value
    }
  }
  function signed(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const next = byte()
      value |= (next & 0x7f) << shift
      if (next >= 0x80 && shift < 63) continue
      return shift < 25 && (next & 0x40) !== 0 ? value | (-1 << (shift + 7)) : value
    }
  }
  return {
    at: () => at,
    seek(to: number) {
      at = to
    },
    byte,
    number,
    signed,
    text() {
      const length = number()
      at += length
      return decoder.decode(bytes.subarray(at - length, at))
    },
  }
}

function readImports(reader: Reader, globals: Global[]): void {
  for (let count = reader.number(); count > 0; count--) {
    const name = `${reader.text()}.${reader.text()}`
    const kind = reader.byte()
    if (kind === kinds.function) reader.number()
    if (kind === kinds.table) reader.byte()
    if (kind === kinds.table || kind === kinds.memory) {
      const hasMost = (reader.byte() & 1) !== 0
      reader.number()
      if (hasMost) reader.number()
    }
    if (kind === kinds.global) {
      const isNumber = reader.byte() === i32
      globals.push({ isMutable: reader.byte() === 1, isNumber, initial: undefined, name, isImported: true })
    }
    if (kind === kinds.tag) {
      reader.byte()
      reader.number()
    }
  }
}

function readGlobals(reader: Reader, globals: Global[]): void {
  for (let count = reader.number(); count > 0; count--) {
    const isNumber = reader.byte() === i32
    const isMutable = reader.byte() === 1
    let initial: number | undefined
    // A constant expression: one instruction, as a rule.
    for (let code = reader.byte(); code !== 0x0b; code = reader.byte()) {
      if (code === i32Const) initial = reader.signed()
      else if (code === 0x42 || code === 0x23 || code === 0xd2) reader.signed()
      else if (code === 0x43) reader.seek(reader.at() + 4)
      else if (code === 0x44) reader.seek(reader.at() + 8)
      else if (code === 0xd0) reader.byte()
    }
    globals.push({ isMutable, isNumber, initial, name: undefined, isImported: false })
  }
}

function readExports(reader: Reader, names: Map<number, string>): void {
  for (let count = reader.number(); count > 0; count--) {
    const name = reader.text()
    const kind = reader.byte()
    const index = reader.number()
    if (kind === kinds.global) names.set(index, name)
  }
}

/** The number of the global that the name section calls `__stack_pointer`. */
function stackPointerIn(reader: Reader, end: number): number | undefined {
  const globalNames = 7
  while (reader.at() < end) {
    const id = reader.byte()
    const next = reader.number() + reader.at()
    if (id === globalNames) {
      for (let count = reader.number(); count > 0; count--) {
        const index = reader.number()
        if (reader.text() === stackPointer) return index
      }
    }
    reader.seek(next)
  }
  return undefined
}
