/**
 * Looks in native/binding for what would let node-addon-api run JavaScript, where it ends the process once a Worker is
 * terminated or a `vm` script has run out of time (native/binding/addon.h). A part of `npm run lint`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const forbidden: readonly { pattern: RegExp; instead: string }[] = [
  { pattern: /(\.|->)(Call|MakeCallback)\(/, instead: 'napi_call_function' },
  { pattern: /(\.|->)(Get|Has)\(/, instead: 'napi_get_named_property, napi_get_element' },
  { pattern: /(\.|->)Set\(/, instead: 'define, of results.h' },
  { pattern: /(\.|->)New\(/, instead: 'napi_new_instance' },
  { pattern: /\b(Array)?Buffer(<\w+>)?::New/, instead: 'wrap, of external_buffer.h, or an array that JavaScript made' },
  { pattern: /\bError::New\b|\bThrowAsJavaScriptException\b/, instead: 'fail, of failure.h' },
  { pattern: /\bCallbackInfo\b/, instead: 'Arguments' },
]

/** What is wrong with a source of the binding, a line each. */
export function violationsIn(file: string, text: string): string[] {
  return text.split('\n').flatMap((line, i) => {
    const code = line.replace(/\/\/.*/, '')
    return forbidden
      .filter(({ pattern }) => pattern.test(code))
      .map(({ instead }) => `${file}:${i + 1}: ${code.trim()} may run JavaScript; use ${instead}`)
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL('../../native/binding', import.meta.url))
  const files = readdirSync(folder).filter((file) => /\.(cc|h)$/.test(file))
  const violations = files.flatMap((file) => violationsIn(file, readFileSync(join(folder, file), 'utf8')))
  for (const violation of violations) console.error(violation)
  if (violations.length > 0) process.exitCode = 1
}
