/** Writes the binary format of WebAssembly. */

/** Bytes, or lists of them. */
export type Piece = number | Uint8Array | readonly Piece[]

/** LEB128, unsigned. */
export function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
  return bytes
}

export function text(value: string): Piece {
  const bytes = new TextEncoder().encode(value)
  return [unsigned(bytes.length), bytes]
}

/** A list with the number of its items before it. */
export function list(items: readonly Piece[]): Piece {
  return [unsigned(items.length), items]
}

/** A piece with its length before it. */
export function sized(piece: Piece): Piece {
  return [unsigned(lengthOf(piece)), piece]
}

export function lengthOf(piece: Piece): number {
  if (typeof piece === 'number') return 1
  if (piece instanceof Uint8Array) return piece.length
  return piece.reduce((sum: number, part) => sum + lengthOf(part), 0)
}

export function toBytes(piece: Piece): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lengthOf(piece))
  let at = 0
  const put = (part: Piece) => {
    if (typeof part === 'number') bytes[at++] = part
    else if (part instanceof Uint8Array) {
      bytes.set(part, at)
      at += part.length
    } else for (const each of part) put(each)
  }
  put(piece)
  return bytes
}
