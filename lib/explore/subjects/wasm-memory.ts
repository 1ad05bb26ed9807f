/**
 * The state of a WebAssembly module as a memory to capture and restore: its linear memory, and beside it its globals, word
 * by word.
 *
 * A linear memory cannot shrink. So a module whose memory grows has several instances: to restore a state in which the
 * memory was smaller, another instance takes over, whose memory is as small. It is made anew if none is idle. Nobody
 * outside can see which one runs. Where no second instance can be made (it would share what it imports), growth is refused.
 *
 * It leaves to its caller: to ask for `exports` before each call of the module, since another instance may have taken over.
 */

import { addressOf } from '../../arguments.js'
import { PageStoreError } from '../../errors.js'
import { type GrowingSource, LocalMemory } from '../../local-memory.js'
import type { RestorableMemory } from '../../memory.js'
import { type PageStore, pageSize } from '../../page-store.js'
import type { Snapshot } from '../../snapshot.js'

/** An instance of a module, and how its globals are read and written. */
export interface WasmInstance {
  exports: Record<string, unknown>
  memory: GrowingSource
  getWord(word: number): number
  setWord(word: number, value: number): void
}

/** What the instances of a module have in common. */
export interface WasmKind {
  /** Makes an instance, whose start function does not run. */
  instantiate(): WasmInstance
  /** How many words its globals have, and at which address they are captured. */
  words: number
  besideAddress: bigint
  growsMemory: boolean
  /** Why there can be only one instance at a time, if that is so. */
  isAlone: string | undefined
  hasLongAddresses: boolean
}

const wasmPage = 65_536
// Instances that wait to take over again. Each one's memory reserves gigabytes of addresses.
const mostIdle = 16

interface Running {
  instance: WasmInstance
  local: LocalMemory
}

export class WasmMemory implements RestorableMemory {
  readonly #store: PageStore
  readonly #kind: WasmKind
  readonly #beside: Uint8Array
  /** The words of the globals, in `#beside`. */
  readonly #words: Int32Array
  /** What the globals were at first: those that it imports are the host's again in the end. */
  readonly #firstWords: Int32Array
  /** Of the memory in the first snapshot. */
  #firstSize: number | undefined
  #current: Running
  readonly #idle: Running[] = []
  /** Of the memory in each snapshot, where that differs. */
  readonly #sizes = new WeakMap<Snapshot, number>()
  readonly #declared: ((local: LocalMemory) => void)[] = []

  /** Makes the first instance. */
  constructor(store: PageStore, kind: WasmKind) {
    this.#store = store
    this.#kind = kind
    this.#beside = new Uint8Array(Math.ceil((kind.words * 4) / pageSize) * pageSize)
    this.#words = new Int32Array(this.#beside.buffer, 0, kind.words)
    this.#current = orOutOfMemory(() => this.#create())
    this.#saveWords()
    this.#firstWords = Int32Array.from(this.#words)
  }

  /** Of the instance that runs now. */
  get exports(): Record<string, unknown> {
    return this.#current.instance.exports
  }

  get regions() {
    return this.#current.local.regions
  }

  get tracker() {
    return this.#current.local.tracker
  }

  capture(): Snapshot {
    const size = sizeOf(this.#current)
    this.#firstSize ??= size
    this.#checkGrowth()
    this.#saveWords()
    const snapshot = this.#current.local.capture()
    if (this.#kind.growsMemory) this.#sizes.set(snapshot, size)
    return snapshot
  }

  restore(snapshot: Snapshot): void {
    this.#checkGrowth()
    if (this.#kind.growsMemory) {
      const size = this.#sizes.get(snapshot) ?? Number(snapshot.regions[0]?.end)
      if (size !== sizeOf(this.#current)) this.#takeOver(size)
    }
    this.#current.local.restore(snapshot)
    this.#loadWords()
  }

  read(address: bigint, length: number): Buffer {
    if (addressOf(address) >= this.#kind.besideAddress) this.#saveWords()
    return this.#current.local.read(address, length)
  }

  ignore(address: bigint, length: number): void {
    this.#declare((local) => local.ignore(address, length))
  }

  track(address: bigint, length: number): void {
    this.#declare((local) => local.track(address, length))
  }

  close(): void {
    this.#words.set(this.#firstWords)
    this.#loadWords()
    for (const { local } of [this.#current, ...this.#idle]) local.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #declare(range: (local: LocalMemory) => void): void {
    for (const { local } of [this.#current, ...this.#idle]) range(local)
    this.#declared.push(range)
  }

  #create(): Running {
    const { words, besideAddress: address } = this.#kind
    const instance = this.#kind.instantiate()
    const options = words === 0 ? {} : { beside: { address, bytes: this.#beside } }
    const local = new LocalMemory(this.#store, instance.memory, options)
    for (const declare of this.#declared) declare(local)
    return { instance, local }
  }

  #createOf(size: number): Running {
    const made = this.#create()
    const pages = (size - sizeOf(made)) / wasmPage
    if (pages > 0) made.instance.memory.grow(this.#kind.hasLongAddresses ? (BigInt(pages) as unknown as number) : pages)
    return made
  }

  /** Makes an instance the current one whose memory has so many bytes. */
  #takeOver(size: number): void {
    const index = this.#idle.findIndex((each) => sizeOf(each) === size)
    const next = this.#idle[index] ?? orOutOfMemory(() => this.#createOf(size))
    if (index >= 0) this.#idle.splice(index, 1)
    this.#idle.push(this.#current)
    if (this.#idle.length > mostIdle) this.#idle.shift()?.local.close()
    this.#current = next
  }

  #checkGrowth(): void {
    const size = sizeOf(this.#current)
    if (this.#kind.isAlone === undefined || this.#firstSize === undefined || size <= this.#firstSize) return
    throw new PageStoreError(
      'ERR_MODEL',
      `the module's memory grew to ${size / wasmPage} pages, which does not roll back: ${this.#kind.isAlone}`,
    )
  }

  #saveWords(): void {
    const { getWord } = this.#current.instance
    for (let i = 0; i < this.#words.length; i++) this.#words[i] = getWord(i)
  }

  #loadWords(): void {
    const { setWord } = this.#current.instance
    for (let i = 0; i < this.#words.length; i++) setWord(i, this.#words[i] as number)
  }
}

function sizeOf({ instance }: Running): number {
  return instance.memory.buffer.byteLength
}

/** The engine refuses by a RangeError what there is no memory for. */
function orOutOfMemory<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new PageStoreError('ERR_OUT_OF_MEMORY', `there is no memory for another instance: ${error.message}`)
  }
}
