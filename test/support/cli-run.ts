/** Runs the compiled command line, and programs for it to read, as real processes. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const main = fileURLToPath(new URL('../../dist/lib/cli/main.js', import.meta.url))

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Started {
  child: ChildProcess
  ended: Promise<Ended>
  /** Everything printed, as soon as that matches. */
  printed(pattern: RegExp): Promise<string>
}

export function start(file: string, args: string[], options: SpawnOptions = {}): Started {
  const { CI: _, NODE_OPTIONS: __, ...env } = process.env
  const child = spawn(file, args, { stdio: 'pipe', ...options, env: { ...env, ...options.env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const stdout = collect(child.stdout!)
  const stderr = collect(child.stderr!)
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout: stdout(), stderr: stderr() }))
  return {
    child,
    ended,
    async printed(pattern) {
      while (!pattern.test(stdout())) {
        const more = await Promise.race([once(child.stdout!, 'data'), ended.then(() => undefined)])
        if (more === undefined && !pattern.test(stdout())) {
          throw new Error(`ended without ${pattern}: ${stdout()}${stderr()}`)
        }
      }
      return stdout()
    },
  }
}

export function startCli(args: (string | number)[], options?: SpawnOptions): Started {
  return start(process.execPath, [main, ...args.map(String)], options)
}

export function runCli(args: (string | number)[], options?: SpawnOptions): Promise<Ended> {
  return startCli(args, options).ended
}

/** A Node program that has run `script` and idles. */
export async function startNode(script: string, options?: SpawnOptions): Promise<Started & { pid: number }> {
  const started = start(
    process.execPath,
    ['-e', `${script}; setInterval(() => {}, 1e6); process.stdout.write('up')`],
    options,
  )
  await started.printed(/up$/)
  return { ...started, pid: started.child.pid! }
}

/** The table's numbers by the names of their rows. */
export function rows(stdout: string): Record<string, number> {
  const found = stdout.matchAll(/│ (.+?) +│ +([\d,]+) │/g)
  return Object.fromEntries([...found].map(([, name, value]) => [name, Number(value?.replaceAll(',', ''))]))
}

/** Whether a process is gone, or but waits to be collected. */
export function isGone(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return true
  }
}

export async function untilGone(pid: number): Promise<void> {
  while (!isGone(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
}

function collect(stream: Readable): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  return () => text
}
