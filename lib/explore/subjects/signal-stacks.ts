/**
 * Follows the alternate signal stack of each thread, which does not roll back. A handler that returns gives the thread the
 * one that its frame names: as a rule the one that it had.
 */

/** The alternate signal stacks of a program, as its calls say them. */
export interface SignalStacks {
  /**
   * A thread calls `sigaltstack`.
   * @param stack the bytes of the `stack_t` that it asks for
   * @param at its stack pointer
   */
  set(tid: number, stack: Buffer, at: bigint): void
  /** Whether a thread that returns from a handler keeps the stack that it has. `stack` is the one that the frame names. */
  isKept(tid: number, stack: Buffer): boolean
  /** A thread has ended: its number may be that of another one. */
  forget(tid: number): void
}

/** As the kernel has it: address, flags, size. */
export const stackBytes = 24

/** Where the stack lies from the stack pointer on when a handler returns: behind flags and a link; on arm64 behind siginfo. */
export const stackInFrame = process.arch === 'arm64' ? 144n : 16n

// SS_DISABLE, SS_AUTODISARM; and the smallest stack that the kernel takes.
const [disabled, disarms] = [2, 0x8000_0000]
const smallest = process.arch === 'arm64' ? 5120n : 2048n

interface Stack {
  address: bigint
  size: bigint
  disarms: boolean
}

const none: Stack = { address: 0n, size: 0n, disarms: false }

/** Whether a handler disarms such a stack while it runs (SS_AUTODISARM). `stack` is what a call asks for. */
export function disarmsItself(stack: Buffer): boolean {
  return (flagsOf(stack) & disarms) !== 0
}

const flagsOf = (stack: Buffer) => stack.readUInt32LE(8)

export function createSignalStacks(): SignalStacks {
  const stacks = new Map<number, Stack>()
  const of = (tid: number) => stacks.get(tid) ?? none
  return {
    set(tid, bytes, at) {
      const stack = parse(bytes)
      const { address, size, disarms } = of(tid)
      const isInUse = !disarms && at > address && at - address <= size
      if (stack !== undefined && !isInUse) stacks.set(tid, stack)
    },
    isKept(tid, bytes) {
      const stack = parse(bytes)
      const now = of(tid)
      // One that the kernel refuses changes nothing.
      if (stack === undefined || now.disarms) return true
      return stack.address === now.address && stack.size === now.size && stack.disarms === now.disarms
    },
    forget: (tid) => void stacks.delete(tid),
  }
}

/** Undefined for one that the kernel refuses. */
function parse(bytes: Buffer): Stack | undefined {
  const [address, size] = [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(16)]
  const mode = (flagsOf(bytes) & ~disarms) >>> 0
  if (mode > disabled) return undefined
  if (mode === disabled || (size === 0n && address === 0n)) return none
  return size < smallest ? undefined : { address, size, disarms: disarmsItself(bytes) }
}
