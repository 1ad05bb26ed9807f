/** The trace file: `check` writes it, `replay` reads it. Its schema is docs/trace.schema.json. */

import { open } from 'node:fs/promises'

import type { Violation, ViolationKind } from '../explore/index.js'
import { PageStoreError } from '../index.js'

/** A path to a violation. */
export interface Trace {
  version: 1
  program: readonly string[]
  kind: ViolationKind
  property: string
  choices: readonly number[]
  /** For readers. */
  steps?: unknown
}

export function traceOf(program: readonly string[], { kind, property, choices, steps }: Violation): Trace {
  const readable = steps?.map(({ changes, ...step }) => ({
    ...step,
    changes: changes.map(({ address, ...change }) => ({ ...change, address: `0x${address.toString(16)}` })),
  }))
  return { version: 1, program, kind, property, choices, steps: readable }
}

/**
 * The event loop goes on meanwhile: a pipe may have no writer yet.
 * @throws `ERR_TRACE`
 */
export async function readTrace(file: string): Promise<Trace> {
  let text: string
  try {
    text = await readText(file)
  } catch (error) {
    throw new PageStoreError('ERR_TRACE', error instanceof Error ? error.message : String(error))
  }
  let trace: unknown
  try {
    trace = JSON.parse(text)
  } catch {
    throw new PageStoreError('ERR_TRACE', `${file} is no JSON`)
  }
  if (isTrace(trace)) return trace
  throw new PageStoreError('ERR_TRACE', `${file} is no trace that pagestore check has written`)
}

async function readText(file: string): Promise<string> {
  const handle = await open(file)
  try {
    // A device may have no end.
    const status = await handle.stat()
    if (!status.isFile() && !status.isFIFO() && !status.isSocket())
      throw new Error(`${file} is neither a file nor a pipe`)
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

function isTrace(what: unknown): what is Trace {
  if (what === null || typeof what !== 'object') return false
  const { version, choices, kind, property } = what as Record<string, unknown>
  const isChoice = (each: unknown) => Number.isSafeInteger(each) && (each as number) >= 0
  return (
    version === 1 &&
    typeof kind === 'string' &&
    typeof property === 'string' &&
    Array.isArray(choices) &&
    choices.every(isChoice)
  )
}
