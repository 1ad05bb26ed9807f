/**
 * Threads that could not be let go when their process was: inside vfork, from which a thread returns when its child is
 * another program or has ended. Each is let go soon after that, for as long as the event loop of the thread that traced it
 * runs; when that thread ends, the kernel lets go of them.
 */
import { type Handle, native } from './addon/native.js'

// How long a thread may stand still after its vfork.
const milliseconds = 5

let timer: NodeJS.Timeout | undefined

/** Makes a call that may let go of a process. */
export function withReleases<T>(call: () => T): T {
  try {
    return call()
  } finally {
    finishReleases()
  }
}

/** What comes of something that was just made; if that fails, nobody else could close it. */
export function closedOnFailure<T extends { close(): void }, Result>(made: T, use: (made: T) => Result): Result {
  try {
    return use(made)
  } catch (error) {
    made.close()
    throw error
  }
}

/** Closes a memory of another process. */
export function closeMemory(handle: Handle): void {
  withReleases(() => native.closeMemory(handle))
}

function finishReleases(): void {
  if (timer !== undefined || !native.releaseThreads()) return
  timer = setInterval(() => {
    if (native.releaseThreads()) return
    clearInterval(timer)
    timer = undefined
  }, milliseconds)
  timer.unref()
}
