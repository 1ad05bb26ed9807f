// What is captured where a container's profile refuses some system calls.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { systemCallNumber } from '../../lib/linux/system-calls.js'
import { build } from './tracees.js'

const script = fileURLToPath(new URL('sharing.mjs', import.meta.url))

/** Runs a program, spawned by us or attached to, without those calls: "captured", or the error. */
export function captureWithout(denied: readonly string[], start: string, program: string, ...args: string[]): string {
  const numbers = denied.map((name) => String(systemCallNumber(name)))
  const command = [...numbers, '--', process.execPath, script, start, program, ...args]
  const { stdout, stderr } = spawnSync(build('deny.c'), command)
  return `${stdout}${stderr}`
}
