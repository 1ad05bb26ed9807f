/**
 * A program for the demo to read (churn.ts), running in a process of its own and ended with it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('churn.js', import.meta.url))

/**
 * Calls `use` with the pid of a program at work, which is gone when this returns. It holds the other end of a pipe of
 * ours and ends with that, so not even `kill -9` leaves it behind.
 */
export async function withWorkingProgram(signal: AbortSignal, use: (pid: number) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ['--max-old-space-size=128', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  try {
    const first = await Promise.race([once(child.stdout, 'data', { signal }), ended])
    if (child.pid === undefined || first.length > 1) throw new Error('the program to read did not start')
    await use(child.pid)
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}
