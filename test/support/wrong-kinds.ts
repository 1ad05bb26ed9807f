/** Values of every kind, of which a parameter takes one at most. */
import { pageSize } from 'pagestore'

/** Something of each kind, made anew, since some can be used up. */
export function valuesOfAllKinds(): [name: string, value: unknown][] {
  return [...primitives, ...objects(), ...buffers(), ...views()]
}

const primitives: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['true', true],
  ['false', false],
  ['0', 0],
  ['-0', -0],
  ['NaN', Number.NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-1', -1],
  ['0.5', 0.5],
  ['5e-324', 5e-324],
  ['2 ** 31', 2 ** 31],
  ['2 ** 32 - 1', 2 ** 32 - 1],
  ['2 ** 32', 2 ** 32],
  ['2 ** 53 - 1', 2 ** 53 - 1],
  ['2 ** 53', 2 ** 53],
  ['1e300', 1e300],
  ['0n', 0n],
  ['1n', 1n],
  ['-1n', -1n],
  ['2n ** 53n', 2n ** 53n],
  ['2n ** 63n', 2n ** 63n],
  ['2n ** 64n - 1n', 2n ** 64n - 1n],
  ['2n ** 64n', 2n ** 64n],
  ['2n ** 2000n', 2n ** 2000n],
  ['an empty string', ''],
  ['a number as a string', '0'],
  ['a string with a NUL', '/tmp/a\0b'],
  ['half of a pair', '\ud800'],
  ['a string with controls', '\x1b[31m\n'],
  ['a long string', 'x'.repeat(1 << 20)],
  ['a symbol', Symbol('a symbol')],
  ['a symbol without a name', Symbol()],
]

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function objects(): [string, unknown][] {
  return [
    ['an object', {}],
    ['an object without a prototype', Object.create(null)],
    ['an object that refuses to become a value', { [Symbol.toPrimitive]: null, toString: null, valueOf: null }],
    ['a boxed number', Object(1)],
    ['a boxed bigint', Object(1n)],
    ['a boxed string', Object('text')],
    ['an array', []],
    ['an array of numbers', [1, 2]],
    ['an array of nothing', new Array(3)],
    ['an array of arrays', [[]]],
    ['an array of symbols', [Symbol('a symbol')]],
    ['an array of an object without a prototype', [Object.create(null)]],
    ['a long array', new Array(2 ** 32 - 1)],
    ['a function', () => {}],
    ['a class', class {}],
    ['a Map', new Map([['a', 1]])],
    ['a Date of no time', new Date(Number.NaN)],
    ['a RegExp', /x/],
    ['a Promise', Promise.resolve(1)],
    ['an Error', new Error('text')],
    ['a Proxy that was revoked', revoked({})],
    ['a Proxy of an array that was revoked', revoked([])],
    ['a Proxy of a function that was revoked', revoked(() => {})],
    ['an object with a Proxy that was revoked', { 0: revoked({}), name: revoked({}) }],
    ['an array with a Proxy that was revoked', [revoked({})]],
    ['the global object', globalThis],
    ['what looks like a Uint8Array', Object.create(Uint8Array.prototype)],
    ['what looks like a WebAssembly.Memory', { buffer: null, grow: null }],
  ]
}

function transferred<T extends { buffer: ArrayBufferLike }>(view: T): T {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] })
  return view
}

function shrunk(): Uint8Array {
  const buffer = new ArrayBuffer(2 * pageSize, { maxByteLength: 4 * pageSize })
  const view = new Uint8Array(buffer, pageSize, pageSize)
  buffer.resize(pageSize)
  return view
}

function buffers(): [string, unknown][] {
  return [
    ['an ArrayBuffer of no bytes', new ArrayBuffer(0)],
    ['an ArrayBuffer of a page', new ArrayBuffer(pageSize)],
    ['an ArrayBuffer that was transferred', transferred(new Uint8Array(pageSize)).buffer],
    ['an ArrayBuffer that can be resized', new ArrayBuffer(pageSize, { maxByteLength: 4 * pageSize })],
    ['a SharedArrayBuffer', new SharedArrayBuffer(pageSize)],
    ['a SharedArrayBuffer that can grow', new SharedArrayBuffer(pageSize, { maxByteLength: 4 * pageSize })],
    ['a WebAssembly.Memory', new WebAssembly.Memory({ initial: 1 })],
  ]
}

function views(): [string, unknown][] {
  return [
    ['a Uint8Array of no bytes', new Uint8Array(0)],
    ['a Uint8Array of a page', new Uint8Array(pageSize)],
    ['a Uint8Array of more than a page', new Uint8Array(pageSize + 1)],
    ['a Uint8Array that was transferred', transferred(new Uint8Array(pageSize))],
    ['a Uint8Array that its buffer does not reach any more', shrunk()],
    ['a Uint8Array as long as its buffer', new Uint8Array(new ArrayBuffer(pageSize, { maxByteLength: 4 * pageSize }))],
    ['a shared Uint8Array', new Uint8Array(new SharedArrayBuffer(pageSize))],
    ['a Buffer', Buffer.alloc(pageSize)],
    ['an Int8Array', new Int8Array(pageSize)],
    ['a Uint8ClampedArray', new Uint8ClampedArray(pageSize)],
    ['a Uint32Array', new Uint32Array(1)],
    ['a Uint32Array of other numbers', Uint32Array.of(0xffffffff, 0, 1)],
    ['a Uint32Array that was transferred', transferred(new Uint32Array(4))],
    ['a Float64Array', new Float64Array(8)],
    ['a BigUint64Array', new BigUint64Array(8)],
    ['a DataView', new DataView(new ArrayBuffer(pageSize))],
  ]
}
