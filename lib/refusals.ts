/** What the system refused when a program was started, as in a container, and what it costs to do without. */

import type { native } from './addon/native.js'

export type Refusal = ReturnType<typeof native.traceeRefusals>[number]

const asked: Readonly<Record<Refusal, string>> = {
  tracker: 'userfaultfd',
  addresses: 'personality(ADDR_NO_RANDOMIZE)',
  starts: '',
  filter: 'to see some system calls by a filter alone',
}
const costs: Readonly<Record<Refusal, string>> = {
  tracker: 'all memory is compared at every step',
  addresses: 'the program has other addresses each time that it is checked',
  starts: 'fresh runs have other addresses, too, and are compared by their failures alone',
  filter: 'the program stops at all of its system calls',
}

/** A sentence that begins with what it is about, and a colon; undefined where nothing was refused. */
export function textOfRefusals(refused: readonly Refusal[]): string | undefined {
  if (refused.length === 0) return undefined
  const names = refused.map((each) => asked[each]).filter(Boolean)
  const effects = refused.map((each) => costs[each])
  const unless = refused.includes('addresses') ? ' unless the program depends on its addresses' : ''
  return `system: refused, as in a container: ${names.join(', ')}. So ${effects.join('; ')}: it takes longer, and finds the same${unless} (docs/containers.md)`
}
