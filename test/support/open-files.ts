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

/**
 * Rolls it back from its next step, again and again, each time to what it has open now; then it goes on to its end.
 * `look` says what is to be as it was, and with `changes` the step must change that.
 */
export function expectPutBack(tracee: Tracee, { look = openFiles, changes = false } = {}): void {
  const before = look(tracee.pid)
  using snapshot = tracee.capture()
  for (let i = 0; i < 3; i++) {
    next(tracee)
    if (changes) expect(look(tracee.pid)).not.toEqual(before)
    tracee.restore(snapshot)
    expect(look(tracee.pid)).toEqual(before)
    using again = tracee.capture()
    expect(again.equals(snapshot)).toBe(true)
    expect(again.key).toBe(snapshot.key)
  }
  next(tracee)
  expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 0 })
}

/** A rollback from its next step is refused for its files, and changes nothing; then it goes on to its end. */
export function expectRefused(tracee: Tracee, message: RegExp | string): void {
  using before = tracee.capture()
  next(tracee)
  using after = tracee.capture()
  expect(() => tracee.restore(before)).toThrow(expect.objectContaining({ code: 'ERR_FILES' }))
  expect(() => tracee.restore(before)).toThrow(message)
  using again = tracee.capture()
  expect(again.equals(after)).toBe(true)
  tracee.restore(after)
  expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 0 })
}
