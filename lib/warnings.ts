/** What a restore did not put back, passed on to whoever wants to know. */

import { type Handle, native } from './addon/native.js'
import { printable } from './printable.js'

/** Gives the warnings that there are since the last call to `onWarning`, by default to Node. */
export function passWarnings(handle: Handle, onWarning: ((text: string) => void) | undefined): void {
  for (const [text, code] of [
    [native.takeTraceeWarning(handle), 'PAGESTORE_FILES'],
    [native.takeChildWarning(handle), 'PAGESTORE_PROCESSES'],
  ] as const) {
    if (text === '') continue
    if (onWarning === undefined) process.emitWarning(printable(text), { type: 'PageStoreWarning', code })
    else onWarning(text)
  }
}
