// Random WebAssembly modules whose state lies in odd homes, for a comparison with what is true of them.
import { createRandom } from '../../lib/explore/random.js'

type Type = 'i32' | 'i64' | 'f32' | 'f64' | 'v128'

const types: Type[] = ['i32', 'i64', 'f32', 'f64', 'v128']

/** A global as a small number: how it is read, and how it becomes `value`, an expression of type i32. */
const homes: Record<Type, { first: string; get: (g: string) => string; set: (g: string, value: string) => string }> = {
  i32: { first: '(i32.const 0)', get: (g) => `(global.get ${g})`, set: (g, value) => `(global.set ${g} ${value})` },
  i64: {
    first: '(i64.const 0)',
    get: (g) => `(i32.wrap_i64 (i64.shr_u (global.get ${g}) (i64.const 40)))`,
    set: (g, value) => `(global.set ${g} (i64.shl (i64.extend_i32_u ${value}) (i64.const 40)))`,
  },
  f32: {
    first: '(f32.const 0)',
    get: (g) => `(i32.trunc_f32_u (global.get ${g}))`,
    set: (g, value) => `(global.set ${g} (f32.convert_i32_u ${value}))`,
  },
  f64: {
    first: '(f64.const 0)',
    get: (g) => `(i32.trunc_f64_u (global.get ${g}))`,
    set: (g, value) => `(global.set ${g} (f64.convert_i32_u ${value}))`,
  },
  v128: {
    first: '(v128.const i64x2 0 0)',
    get: (g) => `(i32x4.extract_lane 3 (global.get ${g}))`,
    set: (g, value) => `(global.set ${g} (i32x4.replace_lane 3 (global.get ${g}) ${value}))`,
  },
}

export interface RandomModule {
  text: string
  /** Exported functions that return what lies in the globals. */
  probes: string[]
}

/** A module whose every path ends after four steps. */
export function randomModule(seed: number): RandomModule {
  const random = createRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const one = <T>(items: readonly T[]): T => items[below(items.length)]!
  const globals = Array.from({ length: 1 + below(4) }, (_, i) => ({ name: `$g${i}`, type: one(types) }))
  const steps = one(globals)
  const read = ({ name, type }: (typeof globals)[number]) => homes[type].get(name)

  function value(depth = 0): string {
    const kind = below(depth > 2 ? 3 : 6)
    if (kind === 0) return `(i32.const ${below(5)})`
    if (kind === 1) return read(one(globals))
    if (kind === 2) return `(i32.load8_u (i32.const ${one([8, 20_000, 65_535])}))`
    if (kind === 3) return '(memory.size)'
    return `(i32.rem_u (i32.${one(['add', 'mul', 'xor'])} ${value(depth + 1)} ${value(depth + 1)}) (i32.const ${2 + below(4)}))`
  }

  function statement(): string {
    switch (below(9)) {
      case 0:
      case 1: {
        const global = one(globals)
        return global === steps ? '' : homes[global.type].set(global.name, value())
      }
      case 2:
        return `(i32.store8 (i32.const ${one([8, 20_000, 65_535])}) ${value()})`
      case 3:
        return `(if (i32.lt_u (memory.size) (i32.const 4)) (then (drop (memory.grow ${value()}))))`
      case 4:
        return `(i32.store8 (i32.mul (i32.const 65536) (i32.sub (memory.size) (i32.const ${one([1, 1, 0])}))) ${value()})`
      case 5:
        return '(data.drop $d) (i32.store8 (i32.const 150) (i32.const 1))'
      case 6:
        return `(memory.init $d (i32.const 200) (i32.const 0) (i32.and ${value()} (i32.const 1)))`
      case 7:
        return `(if (i32.eq ${value()} (i32.const ${3 + below(4)})) (then unreachable))`
      default:
        return `(if ${value()} (then ${statement()}) (else ${statement()}))`
    }
  }

  const ways = Array.from({ length: 3 }, () => Array.from({ length: 1 + below(4) }, statement).join(' '))
  const probes = globals.flatMap(({ name, type }, i) => {
    const reads = { i32: '', i64: '', f32: 'i32.reinterpret_f32', f64: 'i64.reinterpret_f64' }
    if (type !== 'v128')
      return [
        {
          result: type.replace('f', 'i'),
          code: `${reads[type] && `(${reads[type]}`} (global.get ${name})${reads[type] && ')'}`,
          i,
        },
      ]
    return [0, 1].map((lane) => ({ result: 'i64', code: `(i64x2.extract_lane ${lane} (global.get ${name}))`, i }))
  })
  const text = `(module (memory (export "memory") 1 6) (data $d "xy")
    ${globals.map(({ name, type }) => `(global ${name} (mut ${type}) ${homes[type].first})`).join('\n')}
    ${probes.map(({ result, code }, i) => `(func (export "probe ${i}") (result ${result}) ${code})`).join('\n')}
    (func (export "alternatives") (result i32)
      (if (i32.ge_u ${read(steps)} (i32.const 4)) (then (return (i32.const -1))))
      (if (i32.eq ${value()} (i32.const 4)) (then (return (i32.const 0)))) (i32.const 3))
    (func (export "choose") (param $way i32)
      ${homes[steps.type].set(steps.name, `(i32.add ${read(steps)} (i32.const 1))`)}
      (block $b2 (block $b1 (block $b0 (br_table $b0 $b1 $b2 (local.get $way)))
        ${ways[0]} (return)) ${ways[1]} (return)) ${ways[2]}))`
  return { text, probes: probes.map((_, i) => `probe ${i}`) }
}
