/** Objects of every class to make calls with, and what code of the caller's may do to them in the middle of a call. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

import { LocalMemory, PageStore, ProcessMemory, pageSize, type Snapshot, Tracee } from 'pagestore'
import { ByteModel, type Bytes, Program, type Running, type RunningProgram, WasmModel } from 'pagestore/explore'
import { afterAll, expect } from 'vitest'

import { build, isThere } from './tracees.js'
import { built, end, exportOf, i32 } from './wasm-bytes.js'

export const program = build('acts.c')
/** It has a global that is exported, and changes. */
export const modelBytes = built({
  globals: [[i32, 1, 0x41, 0, end]],
  exports: [exportOf('exported', 3, 0)],
})
const fixturePages = 4

let child: ChildProcess | undefined
afterAll(() => child?.kill('SIGKILL'))

/** A process that waits; another one where the last was killed. */
export function observed(): number {
  if (child?.pid === undefined || !isThere(child.pid)) child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  return child.pid!
}

/** Returns when the process is gone. */
function kill(pid: number): void {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  if (isThere(pid)) process.kill(pid, 'SIGKILL')
  while (isThere(pid)) Atomics.wait(cell, 0, 0, 1)
}

/** A model with four states. */
export function countingModel(): Bytes {
  const state = new Uint8Array(2)
  return {
    state,
    alternatives: () => (state[0]! >= 3 ? -1 : 2),
    choose(alternative) {
      state[0] = Math.min(state[0]! + 1 + alternative, 3)
    },
  }
}

/** Made by a getter of {@link CallFixture} when it is first asked for. */
interface Parts {
  local: { memory: LocalMemory; first: Snapshot; second: Snapshot }
  process: ProcessMemory
  traced: { tracee: Tracee; snapshot: Snapshot }
  model: Running
  module: Running
  program: RunningProgram
}

/** What the calls of one test are made with. */
export class CallFixture {
  readonly store = new PageStore()
  readonly otherStore = PageStore.open(this.store.share())
  /** What arguments are made of: it can be transferred, and resized. */
  readonly buffer = new ArrayBuffer(fixturePages * pageSize, { maxByteLength: 2 * fixturePages * pageSize })
  readonly bytes = new Uint8Array(this.buffer, 0, fixturePages * pageSize).fill(1)
  readonly numbers = new Uint32Array(new ArrayBuffer(4, { maxByteLength: 8 }), 0, 1)
  readonly page = this.store.storePage(new Uint8Array(pageSize).fill(7))
  /** The store of the search that runs. */
  searched: PageStore | undefined
  /** Whether the program that was started was let run on. */
  detaches = false
  /** Whether a Buffer was made that keeps its pages until it is collected. */
  keepsPages = false
  readonly #parts: Partial<Parts> = {}
  readonly #kept = new Set<Snapshot>()

  constructor() {
    // One of each for `unrefPages` and what else takes one.
    this.store.refPage(this.page)
    this.numbers[0] = this.page
  }

  get local() {
    this.#parts.local ??= this.#makeLocal()
    return this.#parts.local
  }
  #makeLocal(): Parts['local'] {
    const memory = new LocalMemory(this.store, this.bytes)
    const first = memory.capture()
    this.bytes[0]!++
    return { memory, first, second: memory.capture() }
  }

  get process() {
    this.#parts.process ??= new ProcessMemory(this.store, observed())
    return this.#parts.process
  }

  get traced() {
    this.#parts.traced ??= this.#makeTraced()
    return this.#parts.traced
  }
  #makeTraced(): Parts['traced'] {
    const tracee = Tracee.spawn(this.store, program, ['choices'], { stdio: [], detachable: true })
    return { tracee, snapshot: tracee.capture() }
  }

  get model() {
    this.#parts.model ??= started(new ByteModel(countingModel()).open(this.store))
    return this.#parts.model
  }

  get module() {
    this.#parts.module ??= started(new WasmModel(modelBytes).open(this.store))
    return this.#parts.module
  }

  get program() {
    this.#parts.program ??= started(new Program(program, ['choices']).open(this.store))
    return this.#parts.program
  }

  /** The memories and runs that were made. */
  get #open() {
    const { local, process, traced, model, module, program } = this.#parts
    return [local?.memory, process, traced?.tracee, model, module, program].filter((each) => each !== undefined)
  }

  get #snapshots(): Snapshot[] {
    const { local, traced } = this.#parts
    const made = [local?.first, local?.second, traced?.snapshot].filter((each) => each !== undefined)
    return [...made, ...this.#kept]
  }

  /** Releases it in the end. */
  keep(snapshot: Snapshot): Snapshot {
    this.#kept.add(snapshot)
    return snapshot
  }

  /** What code of the caller's may do in the middle of a call, where there is something to do it to. */
  readonly actions: Readonly<Record<string, () => void>> = {
    'closes the store': () => {
      this.store.close()
      this.searched?.close()
    },
    'closes all handles on the store': () => {
      this.store.close()
      this.otherStore.close()
    },
    'closes the memory': () => {
      for (const each of this.#open) each.close()
    },
    'releases the snapshots': () => {
      for (const each of this.#snapshots) each.release()
    },
    'kills the process': () => {
      const { process, traced, program } = this.#parts
      for (const pid of [process?.pid, traced?.tracee.pid, program?.memory.pid]) if (pid !== undefined) kill(pid)
    },
    'transfers the buffers': () => {
      for (const { buffer } of [this.bytes, this.numbers])
        structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })
    },
    'shrinks the buffers': () => {
      for (const { buffer } of [this.bytes, this.numbers]) (buffer as ArrayBuffer).resize(1)
    },
    'makes the store grow': () => {
      this.store.storePages(Buffer.from(Uint32Array.from({ length: (800 * pageSize) >> 2 }, (_, i) => i).buffer))
    },
    'captures and restores': () => {
      const { local, traced } = this.#parts
      for (const memory of [local?.memory, traced?.tracee]) {
        if (memory !== undefined) memory.restore(this.keep(memory.capture()))
      }
    },
  }

  /** Gives back everything. Then the store answers as before, if it is open, and nothing is left behind. */
  close(): void {
    // No call leaves the process stopped that it observes.
    if (child !== undefined) expect(stateOf(child.pid!), 'of the process that is observed').not.toMatch(/[Tt]/)
    for (const each of this.#open) each.close()
    for (const each of this.#snapshots) each.release()
    if (this.detaches && this.#parts.traced !== undefined) kill(this.#parts.traced.tracee.pid)
    if (this.#isStoreOpen()) {
      const probe = this.store.storePage(new Uint8Array(pageSize).fill(9))
      expect(this.store.getPage(probe)[0]).toBe(9)
      if (!this.keepsPages) expect(this.store.stats()).toMatchObject({ tables: 0, keys: 0 })
    }
    this.store.close()
    this.otherStore.close()
    const left = childrenOfOurs().filter((pid) => pid !== child?.pid && isThere(pid))
    expect(left, 'processes that nobody has closed').toEqual([])
  }

  #isStoreOpen(): boolean {
    try {
      return this.store.size >= 0
    } catch {
      return false
    }
  }
}

function childrenOfOurs(): number[] {
  const threads = readdirSync('/proc/self/task')
  const lists = threads.map((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'latin1'))
  return lists.flatMap((list) => list.trim().split(' ').filter(Boolean).map(Number))
}

/** As `/proc/PID/stat` says it. */
function stateOf(pid: number): string {
  return /\) (.)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? ''
}

const unused = new CallFixture()
export const actionNames = Object.keys(unused.actions)
unused.close()

function started<T extends Running>(running: T): T {
  running.start()
  return running
}
