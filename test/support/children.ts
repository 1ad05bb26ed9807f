// `test/programs/children.c`, and how it is led.

import type { Tracee } from 'pagestore'
import { afterEach } from 'vitest'

import { build, isThere } from './tracees.js'

export const program = build('children.c')

/** Processes to be killed after each test. */
export const running: number[] = []
afterEach(() => {
  for (const pid of running.splice(0)) if (isThere(pid)) process.kill(pid, 'SIGKILL')
})

/** Runs as many steps, up to the getppid that follows the last. */
export function steps(tracee: Tracee, count: number): void {
  while (count > 0) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'exit') throw new Error('it took all steps')
    if (stop.kind === 'fork') running.push(stop.pid)
    if (stop.kind === 'syscall' && stop.entering) count--
  }
}

/** What the program exits with: how many of its checks failed. */
export function end(tracee: Tracee): number {
  for (;;) {
    const stop = tracee.resume()
    if (stop.kind === 'fork') running.push(stop.pid)
    if (stop.kind === 'exit') return stop.code
  }
}

/** The number of the last process that it has started, as it knows it. */
export const childOf = (tracee: Tracee) => tracee.read(tracee.symbol('child').address, 4).readInt32LE()

/** Ends a step `r`. */
export function letGo(tracee: Tracee): void {
  tracee.write(tracee.symbol('may_go').address, Uint8Array.of(1))
}
