/**
 * Paths as the kernel has them: bytes, in whatever encoding. A {@link BytePath} has a character for each byte, so that paths
 * can be taken apart like any other text, and none leads elsewhere. What is written here in ASCII is one already.
 */

import { lstatSync, readlinkSync, type Stats, statfsSync, statSync } from 'node:fs'

declare const isOfBytes: unique symbol

/** A path with a character for each of its bytes. */
export type BytePath = string & { readonly [isOfBytes]: true }

export function pathOfBytes(bytes: Buffer): BytePath {
  return bytes.toString('latin1') as BytePath
}

const bytesOf = (path: string) => Buffer.from(path, 'latin1')

/** `lstatSync` of a path with a character for each byte; undefined where there is nothing. */
export function statusOfEntry(path: string): Stats | undefined {
  return lstatSync(bytesOf(path), { throwIfNoEntry: false })
}

/** `statSync` of a path with a character for each byte. */
export function statusOfTarget(path: string): Stats {
  return statSync(bytesOf(path))
}

/** What a link says, with a character for each byte. */
export function targetOf(path: string): string {
  return pathOfBytes(readlinkSync(bytesOf(path), { encoding: 'buffer' }))
}

/** The kind of the file system on which a path with a character for each byte lies, as statfs(2) says it. */
export function fileSystemOf(path: string): number {
  return statfsSync(bytesOf(path)).type
}
