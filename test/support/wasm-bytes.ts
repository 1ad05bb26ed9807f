// The binary format of WebAssembly for tests, piece by piece: modules that no assembler of ours writes.
import { list, type Piece, sized, text, toBytes } from '../../lib/wasm/encode.js'

export const i32 = 0x7f
export const end = 0x0b
const noLocals = 0
export const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
export const section = (id: number, ...items: Piece[]): Piece => [id, sized(list(items))]
export const custom = (name: string, ...content: Piece[]): Piece => [0, sized([text(name), ...content])]
export const func = (...code: Piece[]): Piece => sized([noLocals, code, end])
export const exportOf = (name: string, kind: number, index: number): Piece => [text(name), kind, index]
export const load = [0x41, 0, 0x2d, 0, 0]
/** A byte of the memory becomes what the instructions leave. */
export const store = (...value: Piece[]): Piece => [0x41, 0, value, 0x3a, 0, 0]
export const increment = [load, 0x41, 1, 0x6a]

export interface Parts {
  types?: Piece[]
  tables?: Piece[]
  tags?: Piece[]
  globals?: Piece[]
  elements?: Piece[]
  exports?: Piece[]
  code?: Piece
  /** Sections behind all others. */
  more?: Piece
}

/** What no assembler of ours writes: two alternatives while the first byte is below 3, and `code` as a step. Two types are taken. */
export function built({
  types = [],
  tables,
  tags,
  globals,
  elements,
  exports = [],
  code = store(increment),
  more = [],
}: Parts): Uint8Array {
  const some = (id: number, items: Piece[] | undefined) => (items === undefined ? [] : section(id, ...items))
  return toBytes([
    header,
    section(1, [0x60, 0, 1, i32], [0x60, 1, i32, 0], ...types),
    section(3, 0, 1),
    some(4, tables),
    section(5, [0, 1]),
    some(13, tags),
    some(6, globals),
    section(7, exportOf('memory', 2, 0), exportOf('alternatives', 0, 0), exportOf('choose', 0, 1), ...exports),
    some(9, elements),
    section(10, func(load, 0x41, 3, 0x49, 0x04, i32, 0x41, 2, 0x05, 0x41, 0x7f, end), func(code)),
    more,
  ])
}
