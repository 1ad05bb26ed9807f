/**
 * Tries one capability of the installed package, named by the first argument, and says `yes`, or what stood in its way. Each
 * runs in a process of its own, so that one which a runtime does not survive spoils no other.
 */
import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

import { LocalMemory, PageStore, ProcessMemory, pageSize, Tracee } from 'pagestore'
import { ByteModel, explore } from 'pagestore/explore'

const page = (/** @type {number} */ value) => Buffer.alloc(pageSize, value)

/** @param {() => unknown} action @returns {string} the code of what it throws */
function codeOf(action) {
  try {
    action()
  } catch (error) {
    return String(/** @type {{ code?: unknown }} */ (error).code)
  }
  return 'nothing'
}

/** As a runtime lets us ask for it; finalizers run later. */
async function collect() {
  const runtime = /** @type {{ gc?: () => void, Bun?: { gc(force: boolean): void } }} */ (globalThis)
  if (runtime.Bun !== undefined) runtime.Bun.gc(true)
  else if (runtime.gc !== undefined) runtime.gc()
  else throw new Error('nothing collects here: --expose-gc is missing')
  await new Promise((resolve) => setTimeout(resolve, 1))
}

/** What a Worker sees of a page of ours; it is ended, and we go on. @param {PageStore} store */
async function askWorker(store) {
  const number = store.storePage(page(9))
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { token: store.share(), number } })
  const [reply] = await once(worker, 'message')
  await worker.terminate()
  assert.equal(store.getPage(number)[0], 9)
  return reply
}

/** @type {Record<string, (store: PageStore) => unknown>} */
export const capabilities = {
  'pages stored, counted and released'(store) {
    const numbers = store.storePages(Buffer.concat([page(1), page(2), page(1)]))
    assert.equal(store.size, 2)
    assert.equal(store.refCount(numbers[0] ?? 0), 2)
    store.unrefPages(numbers)
    assert.equal(store.size, 0)
    assert.equal(
      codeOf(() => store.getPage(12345)),
      'ERR_PAGE_NUMBER',
    )
  },
  'a page without a copy'(store) {
    const buffer = store.getPage(store.storePage(page(3)))
    assert.equal(buffer[4095], 3)
    assert.ok(buffer.buffer.byteLength > pageSize, 'a page is a copy')
  },
  'snapshots of a Buffer, restored'(store) {
    const bytes = Buffer.alloc(64 * pageSize, 1)
    const memory = new LocalMemory(store, bytes)
    const before = memory.capture()
    bytes.fill(2, pageSize, 2 * pageSize)
    const after = memory.capture()
    assert.equal(before.equals(after), false)
    memory.restore(before)
    assert.equal(
      bytes.findIndex((byte) => byte !== 1),
      -1,
    )
  },
  'snapshots of WebAssembly, restored'(store) {
    const wasm = new WebAssembly.Memory({ initial: 16 })
    const memory = new LocalMemory(store, wasm)
    const before = memory.capture()
    new Uint8Array(wasm.buffer)[70_000] = 7
    assert.equal(before.diff(memory.capture()).length, 1)
    memory.restore(before)
    assert.equal(new Uint8Array(wasm.buffer)[70_000], 0)
  },
  'a snapshot mapped'(store) {
    const bytes = Buffer.alloc(64 * pageSize, 5)
    const mapped = new LocalMemory(store, bytes).capture().map(0n, 64 * pageSize)
    assert.equal(
      mapped.findIndex((byte) => byte !== 5),
      -1,
    )
  },
  async 'memory given up, and collected'() {
    for (let i = 0; i < 100; i++) {
      const store = new PageStore()
      const memory = new LocalMemory(store, Buffer.alloc(64 * pageSize, 5))
      const mapped = memory.capture().map(0n, 64 * pageSize)
      const buffer = store.getPage(store.storePage(page(7)))
      assert.equal((mapped[0] ?? 0) + (buffer[0] ?? 0), 12)
      store.close()
      if (i % 10 === 0) await collect()
    }
  },
  async 'a store shared with a Worker'(store) {
    assert.equal((await askWorker(store)).value, 9)
  },
  async 'a page without a copy, in a Worker'(store) {
    assert.equal((await askWorker(store)).isCopy, false, 'a page is a copy')
  },
  async 'another process, captured'(store) {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' })
    try {
      await new Promise((resolve) => setTimeout(resolve, 300))
      const memory = new ProcessMemory(store, child.pid ?? 0)
      const [region] = memory.regions
      const start = region?.start ?? 0n
      assert.deepEqual(memory.capture().read(start, pageSize), memory.read(start, pageSize))
    } finally {
      child.kill()
    }
  },
  'a program, rolled back'(store) {
    const tracee = Tracee.spawn(store, '/bin/sh', ['-c', ':'], { stdio: ['ignore', 'ignore', 'ignore'] })
    const start = tracee.capture()
    for (let i = 0; i < 3; i++) {
      assert.equal(tracee.resume().kind, 'exit')
      tracee.restore(start)
    }
    tracee.close()
  },
  async 'a model, explored'() {
    const state = new Uint8Array(1)
    const model = {
      state,
      alternatives: () => 3,
      choose: (/** @type {number} */ alternative) => state.set([(state[0] ?? 0) * 2 + alternative]),
    }
    const found = await explore(new ByteModel(model), { maxDepth: 20 })
    assert.equal(found.states, 256)
  },
}

if (!isMainThread) {
  const store = PageStore.open(workerData.token)
  const buffer = store.getPage(workerData.number)
  parentPort?.postMessage({ value: buffer[100], isCopy: buffer.buffer.byteLength <= pageSize })
} else if (process.argv[2] !== undefined) {
  const store = new PageStore()
  try {
    await capabilities[process.argv[2]]?.(store)
    console.log('yes')
  } catch (error) {
    console.log(error instanceof Error ? error.message.split('\n')[0] : String(error))
  }
  // It ends by itself, with the store open and pages in use: the runtime must survive that as well.
} else {
  console.log(JSON.stringify(Object.keys(capabilities)))
}
