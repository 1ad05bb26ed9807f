/**
 * Runs the program that the demo reads (churn.ts) in a process of its own, and ends it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('churn.js', import.meta.url))

/**
 * Starts the program, calls `use` with its pid, and has ended it when this returns. The program ends when its input does,
 * which is a pipe from us, so it does not outlive us even after `kill -9`.
 */
export async function withWorkingProgram(signal: AbortSignal, use: (pid: number) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ['--max-old-space-size=128', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  try {
    const first = await Promise.race([once(child.stdout, 'data', { signal }), ended])
    if (child.pid === undefined || first.length > 1) throw new Error('the program of the demo did not start')
    await use(child.pid)
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}
