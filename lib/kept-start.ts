/** For the explorer: what lets several runs of a program have the same addresses where the system does not fix them. */

import { type Handle, native } from './addon/native.js'

const unused = new FinalizationRegistry<Handle>((handle) => native.closeKeptStart(handle))

/** Programs that are started so have the same addresses, also where the system does not let us fix them. */
export interface KeptStart {
  readonly handle: Handle
}

/** A process stays in it, stopped, until it is closed, or until `owner` is collected. */
export function openKeptStart(owner: object): KeptStart {
  const handle = native.openKeptStart()
  unused.register(owner, handle, owner)
  return { handle }
}

/** Twice is no error. */
export function closeKeptStart({ handle }: KeptStart, owner: object): void {
  unused.unregister(owner)
  native.closeKeptStart(handle)
}
