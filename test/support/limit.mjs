import { execFileSync } from 'node:child_process'

/**
 * Sets a soft resource limit of this process.
 * @param {string} resource prlimit's word for it
 * @param {number | 'unlimited'} soft
 */
export function limit(resource, soft) {
  execFileSync('prlimit', ['--pid', String(process.pid), `--${resource}=${soft}:`])
}
