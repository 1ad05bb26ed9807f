/**
 * Values that run code of the caller's whenever somebody looks at them: getters, Proxies, conversions, iterators, and
 * arrays that lie about what they have.
 */
import { types } from 'node:util'

export type Fire = () => void

/** A hostile form of a value. */
export interface Trapped {
  readonly form: string
  readonly value: unknown
}

/** All hostile forms of a value that a call takes: what they give, once they have fired, is that value. */
export function trappedFormsOf(value: unknown, fire: Fire): Trapped[] {
  if (types.isUint8Array(value)) {
    return [
      { form: 'a Uint8Array with getters of its own', value: lyingBytes(value, fire, 0) },
      { form: 'a Uint8Array that says it is longer', value: lyingBytes(value, fire, 1 << 20) },
      { form: 'a Proxy', value: membrane(value, fire) },
    ]
  }
  if (typeof value === 'function') return [{ form: 'a Proxy', value: membrane(value, fire) }]
  if (typeof value === 'object' && value !== null) {
    return [
      { form: 'a Proxy', value: membrane(value, fire) },
      { form: 'an object that converts itself', value: converting(value, fire) },
    ]
  }
  return [{ form: 'an object that converts itself', value: converting(value, fire) }]
}

/** A Proxy that fires at each question, and answers with Proxies. */
export function membrane(value: unknown, fire: Fire): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value
  const fired = <T>(answer: () => T): T => {
    fire()
    return answer()
  }
  return new Proxy(value as object, {
    get(target, name) {
      fire()
      const found: unknown = Reflect.get(target, name, target)
      const own = Reflect.getOwnPropertyDescriptor(target, name)
      // What cannot change must be given as it is.
      if (own?.configurable === false && own.writable === false) return found
      // A method of what the engine made needs what it was made for.
      return typeof found === 'function' && !isPlain(target) ? found.bind(target) : membrane(found, fire)
    },
    set: (target, name, next) => fired(() => Reflect.set(target, name, next, target)),
    has: (target, name) => fired(() => Reflect.has(target, name)),
    ownKeys: (target) => fired(() => Reflect.ownKeys(target)),
    getOwnPropertyDescriptor: (target, name) => fired(() => Reflect.getOwnPropertyDescriptor(target, name)),
    defineProperty: (target, name, to) => fired(() => Reflect.defineProperty(target, name, to)),
    deleteProperty: (target, name) => fired(() => Reflect.deleteProperty(target, name)),
    getPrototypeOf: (target) => fired(() => Reflect.getPrototypeOf(target)),
    apply: (target, self, values) => fired(() => Reflect.apply(target as () => unknown, self, values)),
    construct: (target, values) => fired(() => Reflect.construct(target as new () => object, values)),
  })
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || typeof value === 'function' || prototype === Object.prototype || prototype === null
}

/** It becomes the value whenever it is converted, compared or gone through. */
function converting(value: unknown, fire: Fire): object {
  const convert = () => {
    fire()
    return value
  }
  const convertToText = () => {
    fire()
    return String(value)
  }
  return {
    [Symbol.toPrimitive]: convert,
    valueOf: convert,
    toString: convertToText,
    toJSON: convert,
    get [Symbol.toStringTag]() {
      return convertToText()
    },
    get length() {
      fire()
      return 1
    },
    *[Symbol.iterator]() {
      fire()
      yield value
    },
  }
}

/** The bytes themselves, whose length, buffer and methods are overridden. */
function lyingBytes(bytes: Uint8Array, fire: Fire, more: number): Uint8Array {
  const { length, byteOffset, buffer } = bytes
  const own = new Uint8Array(buffer, byteOffset, length)
  const getter = (value: unknown) => ({
    configurable: true,
    get() {
      fire()
      return value
    },
  })
  const method = (name: 'subarray' | 'slice' | 'set' | 'at') => ({
    configurable: true,
    value(...values: unknown[]) {
      fire()
      return Reflect.apply(own[name] as () => unknown, own, values)
    },
  })
  return Object.defineProperties(new Uint8Array(buffer, byteOffset, length), {
    length: getter(length + more),
    byteLength: getter(length + more),
    byteOffset: getter(byteOffset),
    buffer: getter(buffer),
    constructor: getter(Uint8Array),
    subarray: method('subarray'),
    slice: method('slice'),
    set: method('set'),
    at: method('at'),
    [Symbol.iterator]: {
      configurable: true,
      value: () => {
        fire()
        return own[Symbol.iterator]()
      },
    },
  })
}

/** Runs `call`; the first element that is set of any array meanwhile, and does not exist yet, fires and is lost. */
export function withSetterOfArrays<T>(fire: Fire, call: () => T): T {
  const names = ['0', '1', '2']
  const remove = () => {
    for (const name of names) delete (Array.prototype as unknown as Record<string, unknown>)[name]
  }
  const set = () => {
    remove()
    fire()
  }
  for (const name of names) Object.defineProperty(Array.prototype, name, { configurable: true, set })
  try {
    return call()
  } finally {
    remove()
  }
}
