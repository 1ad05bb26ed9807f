/** What the addresses of a WebAssembly module are called. */

import { addressOf, shortened, textOf } from '../../arguments.js'
import { PageStoreError } from '../../errors.js'
import type { Module } from '../../wasm/module.js'
import type { SavedGlobal } from '../../wasm/state.js'
import type { Layout, Located } from '../subject.js'
import { engine } from './webassembly.js'

/**
 * A global that can change is a variable. An exported constant, as linkers make for variables, is the address of one.
 * @param globals in the order in which their bytes lie, from `start` on
 */
export function wasmLayout(
  module: Module,
  exports: Record<string, unknown>,
  globals: readonly SavedGlobal[],
  start: bigint,
): Layout {
  const names = new Map<string, Located>()
  const located: (SavedGlobal & { address: bigint })[] = []
  let address = start
  for (const global of globals) {
    located.push({ ...global, address })
    names.set(global.name, { address, size: global.size })
    address += BigInt(global.size)
  }
  for (const { name, kind, index } of module.exports) {
    if (kind !== 'global') continue
    const variable = located.find((each) => each.index === index)
    const value = constantOf(exports[name], module.globals[index]?.type.name)
    if (variable !== undefined) names.set(name, { address: variable.address, size: variable.size })
    else if (value !== undefined) names.set(name, { address: value, size: 0 })
  }
  return {
    find(name) {
      const found = names.get(textOf(name, 'the name of a global'))
      if (found === undefined) throw new PageStoreError('ERR_SYMBOL', `the module has no global ${shortened(name)}`)
      return found
    },
    hidesUnnamed: false,
    nameOf(address) {
      const at = addressOf(address)
      const variable = located.findLast((each) => each.address <= at)
      if (variable === undefined || at >= variable.address + BigInt(variable.size)) return undefined
      return { name: variable.name, offset: Number(at - variable.address), size: variable.size }
    },
    declared: () => [],
  }
}

/** The value of a global of a type that addresses have. */
function constantOf(global: unknown, type: string | undefined): bigint | undefined {
  if (!(global instanceof engine.Global) || (type !== 'i32' && type !== 'i64')) return undefined
  return BigInt.asUintN(type === 'i32' ? 32 : 64, BigInt(global.value as number | bigint))
}
