/** What the user should know beside what a call says, passed on to whoever wants to know. */

import { type Handle, native } from './addon/native.js'
import type { WarningKind } from './addon/tables.js'
import { printable } from './printable.js'
import { type Refusal, textOfRefusals } from './refusals.js'

/** Receives each warning once, a line whatever names are in it; none of a kind comes twice. */
export type WarningTaker = (text: string, kind: WarningKind | 'system') => void

const toNode: WarningTaker = (text, kind) => {
  const code = kind === 'processes' || kind === 'system' ? `PAGESTORE_${kind.toUpperCase()}` : 'PAGESTORE_FILES'
  process.emitWarning(text, { type: 'PageStoreWarning', code })
}

/** @param onWarning the user's; undefined for a warning of Node's */
export function warningTaker(onWarning: ((text: string) => void) | undefined): WarningTaker {
  return onWarning === undefined ? toNode : (text) => onWarning(text)
}

/**
 * Gives the warnings that there are since the last call: all of them, even if the taker closes the tracee, or throws.
 * @param made what nobody gets if the taker throws
 */
export function passWarnings(handle: Handle, taker: WarningTaker, made?: Disposable): void {
  const first = native.takeWarning(handle)
  if (first === undefined) return
  const all = [first]
  for (let next = native.takeWarning(handle); next !== undefined; next = native.takeWarning(handle)) all.push(next)
  const errors: unknown[] = []
  for (const [kind, text] of all) {
    try {
      taker(printable(text), kind)
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length === 0) return
  made?.[Symbol.dispose]()
  throw errors[0]
}

let hasSaidRefusals = false

/** What the system refused at a start that was to be the same each time: once, since it refuses it each time. */
export function passRefusals(refused: readonly Refusal[], taker: WarningTaker): void {
  const text = textOfRefusals(refused)
  if (text === undefined || hasSaidRefusals) return
  hasSaidRefusals = true
  taker(text, 'system')
}
