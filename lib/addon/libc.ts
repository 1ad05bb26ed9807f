/** Which C library this Node is linked with. What the package brings is for glibc. */

import { existsSync } from 'node:fs'

/** As a report of Node's says it, in its header: glibc alone has a version there. */
export function isMuslReport(header: { readonly glibcVersionRuntime?: string | undefined }): boolean {
  return header.glibcVersionRuntime === undefined
}

/** Costs some milliseconds: for an error, not for each import. */
export function isMusl(): boolean {
  // node-gyp-build, which finds the addon, takes the environment's word.
  const named = process.env['LIBC']
  if (named !== undefined) return named === 'musl'
  const report: unknown = process.report?.getReport()
  const header = (report as { header?: object } | undefined)?.header
  return header === undefined ? existsSync('/etc/alpine-release') : isMuslReport(header)
}
