// Explores modules that it is sent, and says what came of each. A module may never come back, so that somebody else
// has to end this.
import { parentPort } from 'node:worker_threads'
import { PageStoreError } from 'pagestore'
import { explore, WasmModel } from 'pagestore/explore'

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort)
port.on('message', async (/** @type {Uint8Array} */ bytes) => {
  try {
    const found = await explore(new WasmModel(bytes), { maxTransitions: 50, maxStates: 50, verify: true })
    port.postMessage({ states: found.states, kinds: found.violations.map(({ kind }) => kind) })
  } catch (error) {
    // Of an engine's refusal, that is all that can be said.
    const isOurs = error instanceof PageStoreError
    port.postMessage({ code: isOurs ? error.code : undefined, message: String(error) })
  }
})
