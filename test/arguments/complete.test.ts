import { expect, test } from 'vitest'

import { CallFixture } from '../support/call-fixture.js'
import { declaredCalls, type Shape } from '../support/declared-calls.js'
import { publicCalls } from '../support/public-calls.js'

/** Interfaces that a caller uses, and does not implement; their objects are called otherwise here. */
const offered: Readonly<Record<string, string>> = {
  Running: 'a ByteModel’s run',
  RunningProgram: 'a RunningProgram',
  State: 'a State',
  Layout: 'a program’s layout',
}
/** What users do not call: constructors of what the package makes, what only the explorer calls, and fields of errors. */
const excepted =
  /^new (Snapshot|Tracee|RunningProgram|PageStoreError)$|^PageStoreError\.|\.start$|^a ByteModel’s run\.(warnings|removeMade)$/
const classes = new Set([
  'PageStore',
  'Snapshot',
  'LocalMemory',
  'ProcessMemory',
  'Tracee',
  'ByteModel',
  'WasmModel',
  'Program',
])

function nameIn(name: string): string | undefined {
  const [owner = '', member] = name.split('.')
  if (member === undefined) return name
  if (offered[owner] !== undefined) return `${offered[owner]}.${member}`
  return classes.has(owner) ? name : undefined
}

/** What of a shape a value lacks. */
function lacking(value: unknown, shape: Shape, path: string): string[] {
  return Object.entries(shape).flatMap(([name, inner]) => {
    const has = typeof value === 'object' && value !== null && name in value
    if (!has) return [`${path}.${name}`]
    const found = (value as Record<string, unknown>)[name]
    return found === undefined ? [] : lacking(found, inner, `${path}.${name}`)
  })
}

const declared = declaredCalls().flatMap(({ name, parameters }) => {
  const found = nameIn(name)
  return found === undefined || excepted.test(found) ? [] : [{ name: found, parameters }]
})

test('every call that the types declare is made with hostile arguments', () => {
  expect(declared.length).toBeGreaterThan(100)
  const made = new Set(publicCalls.map(({ name }) => name))
  expect(declared.map(({ name }) => name).filter((name) => !made.has(name))).toEqual([])
})

test('no class is forgotten', () => {
  const constructed = declaredCalls().flatMap(({ name }) => (name.startsWith('new ') ? [name.slice(4)] : []))
  const known = [...classes, ...Object.keys(offered), 'PageStoreError']
  expect(constructed.filter((name) => !known.includes(name))).toEqual([])
})

test('every parameter and every option is given, so that it is replaced by something hostile', () => {
  const fixture = new CallFixture()
  const missing = declared.flatMap(({ name, parameters }) => {
    const made = publicCalls.filter((call) => call.name === name || call.name.startsWith(`${name} of`))
    const arguments_ = made.map((call) => call.args(fixture))
    return parameters.flatMap(({ name: parameter, shape }, i) => {
      const isGiven = arguments_.some((args) => i < args.length)
      if (!isGiven) return [`${name}(${parameter})`]
      // A union has the properties of all its parts: each call gives some.
      const gaps = arguments_.map((args) => lacking(args[i], shape, `${name}(${parameter})`))
      return gaps[0]!.filter((gap) => gaps.every((each) => each.includes(gap)))
    })
  })
  fixture.close()
  expect(missing).toEqual([])
})
