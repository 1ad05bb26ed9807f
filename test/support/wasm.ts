// WebAssembly modules for tests, and what is true of them: a search that makes an instance of its own for each path.
import { createHash } from 'node:crypto'
import wabt from 'wabt'

const { parseWat } = await wabt()

const features = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  memory64: true,
  multi_memory: true,
  extended_const: true,
  relaxed_simd: true,
}

/** The text format as bytes, with the names that the text gives. */
export function assemble(text: string): Uint8Array {
  return parseWat('model.wat', text, features).toBinary({ write_debug_names: true }).buffer
}

interface Exports {
  memory: WebAssembly.Memory
  alternatives?: () => number
  ways?: () => number
  choose(alternative: number): void
}

export interface Truth {
  states: number
  transitions: number
  crashes: number
  /** How large the memory was in some state, in pages of 64 KiB. */
  sizes: number[]
}

/**
 * Each path is gone from the start in an instance of its own, so nothing has to roll back. A state is all bytes of the
 * memory and its length, and what `probes`, exported functions without parameters, return.
 */
export function truthOf(bytes: Uint8Array, { imports = () => ({}), probes = [] as string[] } = {}): Truth {
  const module = new WebAssembly.Module(bytes)
  const seen = new Set<string>()
  const sizes = new Set<number>()
  const truth = { states: 0, transitions: 0, crashes: 0 }

  /** Where a path leads; undefined for a trap. */
  function take(path: readonly number[]): { key: string; alternatives: number } | undefined {
    const exports = new WebAssembly.Instance(module, imports()).exports as unknown as Exports
    const count = exports.alternatives ?? exports.ways ?? (() => 0)
    try {
      ;(exports as unknown as Record<string, (() => void) | undefined>)['_initialize']?.()
      let alternatives = count()
      for (const choice of path) {
        exports.choose(choice)
        alternatives = count()
      }
      const memory = new Uint8Array(exports.memory.buffer)
      sizes.add(memory.length / 65_536)
      const read = exports as unknown as Record<string, () => number | bigint>
      const probed = probes.map((name) => read[name]?.())
      const hash = createHash('sha1').update(memory).digest('hex')
      return { key: `${hash} ${memory.length} ${probed}`, alternatives }
    } catch {
      return undefined
    }
  }

  let paths: number[][] = [[]]
  const first = take([])
  if (first !== undefined) seen.add(first.key)
  while (paths.length > 0) {
    const next: number[][] = []
    for (const path of paths) {
      const from = take(path)
      for (let choice = 0; choice < (from?.alternatives ?? 0); choice++) {
        truth.transitions++
        const to = take([...path, choice])
        if (to === undefined) truth.crashes++
        else if (!seen.has(to.key)) {
          seen.add(to.key)
          next.push([...path, choice])
        }
      }
    }
    paths = next
  }
  return { ...truth, states: seen.size, sizes: [...sizes].sort((a, b) => a - b) }
}
