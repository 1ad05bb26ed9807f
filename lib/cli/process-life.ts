/** Whether a process exists, and whether it still is the same one. */
import { readFileSync } from 'node:fs'

/** A process that cannot be read; the message is for the user. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError'
}

/** When a process started, in clock ticks since boot: with its number it names one process for ever. */
export type StartTime = string

// PF_KTHREAD of the kernel's include/linux/sched.h.
const kernelThread = 0x0020_0000

/**
 * When a process started.
 * @throws ProcessError when there is none, or none that could have memory
 */
export function startTimeOf(pid: number): StartTime {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch (error) {
    throw readingFailed(pid, error)
  }
  // "pid (name) state parent ...": the name may contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, , , , , , flags] = fields
  if (state === 'Z' || state === 'X') {
    throw new ProcessError(`process ${pid} has ended (a zombie that its parent has not collected): it has no memory`)
  }
  if (Number(flags) & kernelThread) {
    throw new ProcessError(`process ${pid} is a kernel thread: it has no memory of its own`)
  }
  return fields[19] ?? ''
}

/**
 * Makes sure that `pid` still is the process that started then.
 * @throws ProcessError when it is not
 */
export function checkStillRuns(pid: number, since: StartTime): void {
  try {
    if (startTimeOf(pid) === since) return
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error
  }
  throw ended(pid)
}

export function ended(pid: number): ProcessError {
  return new ProcessError(`process ${pid} ended while it was being read`)
}

function readingFailed(pid: number, error: unknown): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ESRCH':
      return new ProcessError(`there is no process ${pid}`)
    case 'EACCES':
    case 'EPERM':
      return new ProcessError(
        `process ${pid} is not ours to read: that takes its own user, or root with CAP_SYS_PTRACE`,
      )
    default:
      return error
  }
}
