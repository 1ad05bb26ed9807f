import { readdirSync, readFileSync } from 'node:fs'

/** The processes in whose environment there is `marker`, `NAME=value`. What they become, and what they start, has it too. */
export function leftBehind(marker: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(marker)
      } catch {
        return false
      }
    })
}
