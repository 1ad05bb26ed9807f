import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

import { type PageStore, type SpawnOptions, Tracee } from 'pagestore'
import { expect } from 'vitest'

import { ownFolder } from './programs.js'
import { build } from './tracees.js'

const ready = { until: { syscall: ['getppid'] } }

/** `test/programs/files.c`, built, and the folder in which it makes its files. */
export function filesProgram() {
  const folder = ownFolder()
  const program = build('files.c')
  const start = (store: PageStore, act: string, options: SpawnOptions = {}): Tracee => {
    const tracee = Tracee.spawn(store, program, [act], { cwd: folder, stdio: [], ...options })
    next(tracee)
    return tracee
  }
  return { folder, program, start }
}

/** What a process has open, as the kernel tells it. */
export function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map(Number)
    .sort((a, b) => a - b)
    .map((fd) => {
      const [pos, flags] = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1').split('\n')
      return `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)} ${pos} ${flags}`
    })
}

/** To the entry of the next call by which the program says that it is ready. */
export function next(tracee: Tracee): void {
  for (;;) {
    const stop = tracee.resume(ready)
    if (stop.kind === 'syscall' && stop.entering) return
    expect(stop).toMatchObject({ kind: expect.stringMatching(/syscall|fork|clone|signal/) })
  }
}
