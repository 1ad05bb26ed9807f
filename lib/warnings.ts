/** What a restore did not put back, and what the system refused, passed on to whoever wants to know. */

import { type Handle, native } from './addon/native.js'
import { printable } from './printable.js'
import { type Refusal, textOfRefusals } from './refusals.js'

/** Gives the warnings that there are since the last call to `onWarning`, by default to Node. */
export function passWarnings(handle: Handle, onWarning: ((text: string) => void) | undefined): void {
  for (const [text, code] of [
    [native.takeTraceeWarning(handle), 'PAGESTORE_FILES'],
    [native.takeChildWarning(handle), 'PAGESTORE_PROCESSES'],
  ] as const) {
    if (text !== '') pass(text, code, onWarning)
  }
}

let hasSaidRefusals = false

/** What the system refused at a start that was to be the same each time: once, since it refuses it each time. */
export function passRefusals(refused: readonly Refusal[], onWarning: ((text: string) => void) | undefined): void {
  const text = textOfRefusals(refused)
  if (text === undefined || hasSaidRefusals) return
  hasSaidRefusals = true
  pass(text, 'PAGESTORE_SYSTEM', onWarning)
}

function pass(text: string, code: string, onWarning: ((text: string) => void) | undefined): void {
  if (onWarning === undefined) process.emitWarning(printable(text), { type: 'PageStoreWarning', code })
  else onWarning(text)
}
