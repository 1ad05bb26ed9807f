/**
 * Who makes a system call: the program, or its C library for itself.
 *
 * The functions of glibc that only make a call keep no frame, so that their caller is where they return to. A caller in the
 * library's own file is the library. A program that has the library in itself says it by the names of its functions.
 * Whoever cannot be told is the program.
 */

import { filesOf } from '../../linux/process-files.js'
import { stackPointerIn, stopPointIn } from '../../linux/registers.js'
import { nameOf } from '../../linux/symbols.js'
import type { Tracee } from '../../tracee.js'

// The library and its loader, by the names that they have had. Another one (musl) has frames, and asks for nothing itself.
const ofGlibc = /\/(libc\.so\.\d+|libc-2\.\d+\.so|ld-linux[^/]*|ld-2\.\d+\.so)$/
// What the streams of <stdio.h> and <dirent.h> are made of.
const ofStreams = /^(_IO_|_*(fd)?opendir(_tail)?$)/

/** Says of a thread that is stopped before a call whether its C library makes it for itself. */
export type CallerCheck = (tid: number) => boolean

export function createCallerCheck(tracee: Tracee): CallerCheck {
  // Where the library has called itself: it stays where it is as long as the program runs.
  const known = new Set<string>()
  return (tid) => {
    const registers = tracee.registers(tid)
    const [at, caller] = [stopPointIn(registers), returnAddress(tracee, registers)]
    const name = `${at} ${caller}`
    if (known.has(name)) return true
    const isOfLibrary = isWithinLibrary(tracee, at, caller)
    if (isOfLibrary) known.add(name)
    return isOfLibrary
  }
}

function isWithinLibrary(tracee: Tracee, at: bigint, caller: bigint): boolean {
  const { regions } = tracee
  const fileAt = (address: bigint) =>
    regions.find(({ start, end, permissions }) => start <= address && address < end && permissions[2] === 'x')?.path
  const [library, file] = [fileAt(at), fileAt(caller)]
  if (library === undefined || library !== file) return false
  if (ofGlibc.test(library)) return true
  return ofStreams.test(nameOf(regions, caller, filesOf(tracee.pid))?.name ?? '')
}

function returnAddress(tracee: Tracee, registers: Readonly<Record<string, bigint>>): bigint {
  if (process.arch === 'arm64') return registers['x30'] ?? 0n
  try {
    return tracee.read(stackPointerIn(registers), 8).readBigUInt64LE(0)
  } catch {
    return 0n
  }
}
