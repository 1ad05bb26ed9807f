/**
 * A subject can be anybody's object. What it answers is checked before a search counts on it, and each part of an answer is
 * read once: what is no run, no step, no snapshot or no bytes is refused with `ERR_MODEL`.
 */

import { addressOf, bytesOf, functionOf, lengthOf, listOf, optionsOf, shown, wrong } from '../arguments.js'
import { PageStoreError } from '../errors.js'
import type { RestorableMemory } from '../memory.js'
import { closedOnFailure } from '../releases.js'
import { snapshotHandle } from '../snapshot.js'
import type { Failure, Layout, Located, Running, Step, Subject } from './subject.js'
import { shareParts } from './turns.js'

/** A subject that can always be closed. */
export interface CheckedSubject extends Subject {
  close(): void
}

/** @throws `ERR_ARGUMENT_TYPE` for what is no subject */
export function checkedSubject(subject: Subject): CheckedSubject {
  const { open, close } = optionsOf(subject, ['open', 'close'], 'a subject')
  functionOf(open, 'open of a subject')
  if (close !== undefined) functionOf(close, 'close of a subject')
  return {
    open: (store) => checkedRun(Reflect.apply(open, subject, [store])),
    close() {
      if (close !== undefined) Reflect.apply(close, subject, [])
    },
  }
}

/** What `check` makes of an answer; what it refuses is the subject's fault, and no argument's. */
function checked<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof PageStoreError) || error.code !== 'ERR_ARGUMENT_TYPE') throw error
    throw new PageStoreError('ERR_MODEL', `the subject cannot be explored: ${error.message}`)
  }
}

/** Methods, each read once. */
function methodsOf<T extends object, Name extends keyof T & string>(
  object: T,
  names: readonly Name[],
  name: string,
): Pick<T, Name> {
  const methods = optionsOf(object, names, name)
  for (const each of names) functionOf(methods[each] as () => void, `${each} of ${name}`)
  return methods
}

/** Of a run that is refused nobody else could close what it has opened. */
function checkedRun(running: Running): Running {
  const { close } = checked(() => optionsOf(running, ['close'], 'what open gives'))
  const closing = { close: () => (typeof close === 'function' ? Reflect.apply(close, running, []) : undefined) }
  return closedOnFailure(closing, () => {
    checked(() => functionOf(close, 'close of a run'))
    return openedRun(running, closing.close)
  })
}

function openedRun(running: Running, close: () => void): Running {
  const { memory, start, take, layout, removeMade } = checked(() => ({
    ...optionsOf(running, ['memory', 'layout', 'removeMade'], 'a run'),
    ...methodsOf(running, ['start', 'take'], 'a run'),
  }))
  if (removeMade !== undefined) checked(() => functionOf(removeMade, 'removeMade of a run'))
  const run: Running = {
    memory: checkedMemory(memory),
    layout: layout === undefined ? undefined : checkedLayout(layout),
    start: () => checkedStep(Reflect.apply(start, running, [])),
    take: (alternative) => checkedStep(Reflect.apply(take, running, [alternative])),
    ...(removeMade && { removeMade: () => Reflect.apply(removeMade, running, []) }),
    get warnings() {
      const { warnings = [] } = checked(() => optionsOf(running, ['warnings'], 'a run'))
      return checked(() => listOf(warnings, 'warnings').map((each) => textIn(each, 'a warning')))
    },
    close,
  }
  shareParts(running, run, checkedStep)
  return run
}

function textIn(value: unknown, name: string): string {
  if (typeof value === 'string') return value
  throw wrong(`${name} must be a string, not ${shown(value)}`)
}

function optionalText(value: unknown, name: string): string | undefined {
  return value === undefined ? undefined : textIn(value, name)
}

function checkedStep(step: Step): Step {
  return checked(() => {
    const { kind, alternatives, location, failure } = optionsOf(
      step as { kind: string; alternatives: unknown; location: unknown; failure: Failure },
      ['kind', 'alternatives', 'location', 'failure'],
      'a step',
    )
    if (kind === 'end') return { kind }
    if (kind === 'failure') return { kind, failure: checkedFailure(failure) }
    if (kind !== 'choice') throw wrong(`the kind of a step must be choice, end or failure, not ${shown(kind)}`)
    if (!Number.isSafeInteger(alternatives) || (alternatives as number) < 0) {
      throw wrong(`a choice must have a whole number of alternatives, not ${shown(alternatives)}`)
    }
    return { kind, alternatives: alternatives as number, location: optionalText(location, 'a location') }
  })
}

const failureKinds: readonly Failure['kind'][] = ['assertion', 'crash', 'exit', 'hang']

function checkedFailure(failure: Failure): Failure {
  const { kind, property, location, detail } = optionsOf(
    failure,
    ['kind', 'property', 'location', 'detail'],
    'a failure',
  )
  if (!failureKinds.includes(kind)) throw wrong(`a failure is no ${shown(kind)}`)
  return {
    kind,
    property: textIn(property, 'what failed'),
    location: optionalText(location, 'a location'),
    detail: optionalText(detail, 'a detail'),
  }
}

const memoryMethods = ['capture', 'read', 'restore', 'ignore', 'track', 'close'] as const

/** What is no method stays what it is at each moment. */
function checkedMemory(memory: RestorableMemory): RestorableMemory {
  const { capture, read, restore, ignore, track, close } = checked(() =>
    methodsOf(memory, memoryMethods, 'the memory of a run'),
  )
  const end = () => Reflect.apply(close, memory, [])
  return {
    capture() {
      const snapshot = Reflect.apply(capture, memory, [])
      checked(() => snapshotHandle(snapshot))
      return snapshot
    },
    read(address, length) {
      const given = Reflect.apply(read, memory, [address, length])
      const bytes = checked(() => bytesOf(given, 'what the memory of a run gives'))
      if (bytes.length === length) return Buffer.from(bytes.buffer, bytes.byteOffset, length)
      throw new PageStoreError('ERR_MODEL', `the memory of the subject did not give the ${length} bytes that were read`)
    },
    restore: (snapshot) => Reflect.apply(restore, memory, [snapshot]),
    get regions() {
      return memory.regions
    },
    get tracker() {
      return memory.tracker
    },
    ignore: (address, length) => Reflect.apply(ignore, memory, [address, length]),
    track: (address, length) => Reflect.apply(track, memory, [address, length]),
    close: end,
    [Symbol.dispose]: end,
  }
}

function checkedLayout(layout: Layout): Layout {
  const { find, nameOf, declared, hidesUnnamed } = checked(() => ({
    ...methodsOf(layout, ['find', 'nameOf', 'declared'], 'the layout of a run'),
    ...optionsOf(layout, ['hidesUnnamed'], 'the layout of a run'),
  }))
  return {
    find: (name) => {
      const found = Reflect.apply(find, layout, [name])
      return checked(() => located(found))
    },
    hidesUnnamed: Boolean(hidesUnnamed),
    nameOf(address) {
      const found = Reflect.apply(nameOf, layout, [address])
      if (found === undefined) return undefined
      return checked(() => {
        const { name, offset, size } = optionsOf(found, ['name', 'offset', 'size'], 'what a layout names')
        return { name: textIn(name, 'a name'), offset: lengthOf(offset, 0), size: lengthOf(size, 0) }
      })
    },
    declared() {
      const ranges = Reflect.apply(declared, layout, [])
      return checked(() =>
        listOf(ranges, 'declared ranges').map((range) => {
          const { start, end } = optionsOf(range, ['start', 'end'], 'a declared range')
          return { start: addressOf(start), end: addressOf(end) }
        }),
      )
    },
  }
}

function located(found: Located): Located {
  const { address, size } = optionsOf(found, ['address', 'size'], 'what a layout finds')
  return { address: addressOf(address), size: lengthOf(size, 0) }
}
