/** What the registers of a stopped thread say, by the names that native/ptrace gives them on each processor. */

import { systemCallName } from './system-calls.js'

/** A system call. */
export interface SystemCall {
  /** As in the manual: `openat`; `syscall_500` for one that has no name here. */
  name: string
  /** Its six arguments, as the registers have them. After the call, unless it was interrupted, the first of arm64 is the result. */
  args: readonly bigint[]
}

interface Roles {
  /** The address of the next instruction. */
  stopPoint: string
  /** The number of the call that the thread is in; negative if it is in none. */
  currentCall: string
  /** Where a program puts the number of a call that it makes. */
  nextCall: string
  args: readonly string[]
  /** Where the kernel puts what it gave. */
  result: string
  /** Where the first argument of a call is that was interrupted, if not where it was. */
  interruptedFirst?: string
  /** The instruction that makes a call. */
  instruction: Buffer
}

const x64: Roles = {
  stopPoint: 'rip',
  currentCall: 'orig_rax',
  nextCall: 'rax',
  args: ['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'],
  result: 'rax',
  instruction: Buffer.from([0x0f, 0x05]),
}
const arm64: Roles = {
  stopPoint: 'pc',
  currentCall: 'syscall',
  nextCall: 'x8',
  args: ['x0', 'x1', 'x2', 'x3', 'x4', 'x5'],
  result: 'x0',
  interruptedFirst: 'orig_x0',
  instruction: Buffer.from([0x01, 0x00, 0x00, 0xd4]),
}
const roles: Partial<Record<string, Roles>> = { x64, arm64 }

type Registers = Readonly<Record<string, bigint>>

function rolesOf(arch: string): Roles {
  return roles[arch] ?? x64
}

/** The names of the registers that have the arguments of a call, in order. */
export function argumentRegisters(arch: string = process.arch): readonly string[] {
  return rolesOf(arch).args
}

/** The address of the instruction that comes next. */
export function stopPointIn(registers: Registers, arch: string = process.arch): bigint {
  return registers[rolesOf(arch).stopPoint] ?? 0n
}

/** What a system call gave that a thread has just made; negative for an error. */
export function resultIn(registers: Registers, arch: string = process.arch): number {
  return Number(BigInt.asIntN(64, registers[rolesOf(arch).result] ?? 0n))
}

/** The address up to which a thread's stack is in use. */
export function stackPointerIn({ rsp, sp }: Registers): bigint {
  return rsp ?? sp ?? 0n
}

/**
 * The system call that a thread is in, or makes with its next instruction: a call that was interrupted is made again.
 * @param read reads the memory of the thread; it throws where nothing is mapped
 */
export function systemCallIn(
  registers: Registers,
  read: (address: bigint, length: number) => Buffer,
  arch: string = process.arch,
): SystemCall | undefined {
  const { currentCall, nextCall, args, instruction, interruptedFirst } = rolesOf(arch)
  const values = args.map((name) => registers[name] ?? 0n)
  // The kernel counts calls with 32 bits.
  let number = Number(BigInt.asIntN(32, registers[currentCall] ?? -1n))
  if (number >= 0) {
    if (interruptedFirst !== undefined && isInterruption(resultIn(registers, arch))) {
      values[0] = registers[interruptedFirst] ?? 0n
    }
  } else {
    if (!instruction.equals(readOrNothing(read, stopPointIn(registers, arch), instruction.length))) return undefined
    number = Number(BigInt.asIntN(32, registers[nextCall] ?? -1n))
  }
  return { name: systemCallName(number, arch), args: values }
}

/** Whether a call has that result because it was interrupted (native/ptrace/system_call.h). */
function isInterruption(result: number): boolean {
  return [-512, -513, -514, -516].includes(result)
}

function readOrNothing(read: (address: bigint, length: number) => Buffer, address: bigint, length: number): Buffer {
  try {
    return read(address, length)
  } catch {
    return Buffer.alloc(0)
  }
}

/** Whether a register can have it, with or without a sign. */
export function fitsRegister(value: bigint): boolean {
  return BigInt.asUintN(64, value) === value || BigInt.asIntN(64, value) === value
}
