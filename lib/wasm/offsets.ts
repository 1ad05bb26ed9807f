/** Where an instruction of an instrumented module is in the module that it was made of. */

import type { Instrumented } from './instrument.js'
import { type Body, type Module, readModule } from './module.js'

/**
 * A text in which engines say where a trap was, `wasm-function[7]:0x1a2b`, with offsets of the module that was given. A
 * function whose code was changed has none.
 */
export function withOriginalOffsets(text: string, module: Module, { bytes }: Instrumented): string {
  let bodies: Body[] | undefined
  return text.replace(/(wasm-function\[(\d+)\]):0x([0-9a-f]+)/g, (_, name: string, number: string, offset: string) => {
    bodies ??= readModule(bytes).bodies
    const index = Number(number) - (module.functions.length - module.bodies.length)
    const [before, after] = [module.bodies[index], bodies[index]]
    if (before === undefined || after === undefined || before.end - before.start !== after.end - after.start)
      return name
    return `${name}:0x${(Number.parseInt(offset, 16) - after.start + before.start).toString(16)}`
  })
}
