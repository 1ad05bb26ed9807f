/**
 * Checks the shape of the code: imports that point down, no cycles, nothing too long, no retired words, little code
 * twice. `npm run lint:structure`; with the name of a rule or of a folder, only what concerns that.
 */
import { fileURLToPath } from 'node:url'
import { exceptions } from './floors.js'
import { checkSources, sharedCode, type Violation, without } from './rules.js'
import { readSources } from './source.js'

const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')
const sources = await readSources(root, ['include', 'native', 'lib'])
const violations = without([...checkSources(root, sources), ...sharedCode(root, ['native', 'lib'])], exceptions)

const asked = process.argv.slice(2)
const shown = violations.filter(
  ({ rule, file }) => asked.length === 0 || asked.some((word) => word === rule || file.startsWith(word)),
)
for (const { rule, file, line, message } of shown) console.log(`${file}:${line}: ${rule}: ${message}`)
console.log(summary(shown))
if (shown.length > 0) process.exitCode = 1

function summary(found: readonly Violation[]): string {
  const counts = new Map<string, number>()
  for (const { rule } of found) counts.set(rule, (counts.get(rule) ?? 0) + 1)
  const parts = [...counts].map(([rule, count]) => `${count} ${rule}`)
  return `${sources.length} files: ${parts.length === 0 ? 'as they should be' : parts.join(', ')}`
}
