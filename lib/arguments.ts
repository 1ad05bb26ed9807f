/**
 * What a caller passes, read once and made into plain values.
 *
 * A getter, a Proxy, an iterator or an overridden method is code of the caller's: it may close what a call is about to
 * use, and answer otherwise the next time. So a call reads all of its arguments by these functions before it uses anything
 * of ours, and then uses what they returned. Nothing is converted: what is of another kind is refused, with
 * `ERR_ARGUMENT_TYPE` unless the function says otherwise. What the caller's code throws is thrown as it is.
 */

import { types } from 'node:util'

import { PageStoreError } from './errors.js'

export function wrong(message: string): PageStoreError {
  return new PageStoreError('ERR_ARGUMENT_TYPE', message)
}

const mostShown = 80

/** A value as a message has it. It runs no code of the value's. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `'${shortened(value)}'`
    case 'bigint':
      return `${shortened(BigInt.asIntN(256, value).toString())}n`
    case 'symbol':
      return 'a symbol'
    case 'function':
      return 'a function'
    case 'object':
      return value === null ? 'null' : types.isPromise(value) ? 'a promise' : 'an object'
    default:
      return Object.is(value, -0) ? '-0' : String(value)
  }
}

/** Of a long text the beginning says most. */
export function shortened(text: string): string {
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text
}

/** Of a Proxy that was revoked, every question is an error of the engine's. */
function isRevoked(value: unknown): boolean {
  try {
    Array.isArray(value)
    return false
  } catch {
    return true
  }
}

export function checkObject(value: unknown, name: string): asserts value is object {
  if (value === null || typeof value !== 'object') throw wrong(`${name} must be an object, not ${shown(value)}`)
  if (isRevoked(value)) throw wrong(`${name} must be an object, not a Proxy that was revoked`)
}

/** What `use` reads of an object of the caller's. */
function readFrom<T extends object, Result>(object: T, name: string, use: (object: T) => Result): Result {
  checkObject(object, name)
  try {
    return use(object)
  } catch (error) {
    // Its own code has revoked it.
    checkObject(object, name)
    throw error
  }
}

/** Properties of an object, each read once. */
export function optionsOf<T extends object, Name extends keyof T>(
  options: T,
  names: readonly Name[],
  name = 'options',
): Pick<T, Name> {
  return readFrom(options, name, (object) => {
    // A setter that stands behind all objects is not called.
    const plain = { __proto__: null } as unknown as Pick<T, Name>
    for (const each of names) plain[each] = object[each]
    return plain
  })
}

/** All properties of an object of its own that have names. */
export function entriesOf<T>(object: Readonly<Record<string, T>>, name: string): [string, T][] {
  return readFrom(object, name, (each) => Object.entries(each))
}

// As many as the kernel would take of the arguments of a program.
const mostElements = 1 << 20

/** The elements of an array. */
export function listOf<T>(array: readonly T[], name: string, most = mostElements): T[] {
  if (isRevoked(array) || !Array.isArray(array)) throw wrong(`${name} must be an array, not ${shown(array)}`)
  return readFrom(array as T[], name, (elements) => {
    const length: unknown = elements.length
    if (typeof length !== 'number' || !(length <= most)) {
      throw wrong(`${name} must be an array of at most ${most}, not of ${shown(length)}`)
    }
    return Array.from({ length }, (_, i) => elements[i] as T)
  })
}

/** A text that a program or the system is given: without a NUL, which would end it, and without halves of pairs. */
export function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrong(`${name} must be a string, not ${shown(value)}`)
  if (value.includes('\0')) throw wrong(`${name} must have no NUL in it: ${shown(value)}`)
  if (!value.isWellFormed()) throw wrong(`${name} must have no half of a surrogate pair in it: ${shown(value)}`)
  return value
}

export function functionOf<T extends (...values: never[]) => unknown>(value: T, name: string): T {
  if (typeof value !== 'function' || isRevoked(value)) throw wrong(`${name} must be a function, not ${shown(value)}`)
  return value
}

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype)
const methodsOfViews = Object.getOwnPropertyDescriptors(typedArray) as Record<string, PropertyDescriptor>
function ofView<T>(view: Uint8Array, name: 'buffer' | 'byteOffset' | 'length' | 'at'): T {
  const { get, value } = methodsOfViews[name] as PropertyDescriptor
  return Reflect.apply((get ?? value) as () => T, view, [])
}

/**
 * A view of the bytes that a Uint8Array shows now, whatever its own properties say.
 * @throws `ERR_BUFFER_DETACHED` where its buffer was transferred, or has shrunk beneath it
 */
export function bytesOf(view: Uint8Array, name: string): Uint8Array {
  if (!types.isUint8Array(view)) throw wrong(`${name} must be a Uint8Array, not ${shown(view)}`)
  try {
    ofView(view, 'at')
  } catch {
    throw new PageStoreError('ERR_BUFFER_DETACHED', "the array's buffer was transferred, or has shrunk beneath it")
  }
  return new Uint8Array(ofView<ArrayBuffer>(view, 'buffer'), ofView(view, 'byteOffset'), ofView(view, 'length'))
}

/** @throws `ERR_ADDRESS` for a bigint that is no unsigned number of 64 bits */
export function addressOf(value: unknown): bigint {
  if (typeof value !== 'bigint') throw wrong(`an address must be a bigint, not ${shown(value)}`)
  if (BigInt.asUintN(64, value) === value) return value
  throw new PageStoreError('ERR_ADDRESS', 'the address is negative or has more than 64 bits')
}

/** @throws `ERR_ADDRESS` for a number that can be no length */
export function lengthOf(value: unknown, least = 1): number {
  if (typeof value !== 'number') throw wrong(`a length must be a number, not ${shown(value)}`)
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new PageStoreError('ERR_ADDRESS', `a length must be a whole number, at least ${least}, and not ${shown(value)}`)
}
