/** A pipe for the input of a program, to which the test writes. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Pipe extends Disposable {
  /** What the program reads from. */
  input: number
  write(byte: number): void
}

export function openPipe(): Pipe {
  const folder = mkdtempSync(join(tmpdir(), 'pagestore-pipe-'))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const both = openSync(path, 'r+')
  const input = openSync(path, 'r')
  return {
    input,
    write: (byte) => void writeSync(both, Uint8Array.of(byte)),
    [Symbol.dispose]() {
      closeSync(input)
      closeSync(both)
      rmSync(folder, { recursive: true })
    },
  }
}
