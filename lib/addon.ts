import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { PageStoreError } from './errors.js'

interface Finder {
  (folder: string): unknown
  /** The addon's path. Throws where there is none. */
  resolve(folder: string): string
}

// Sources, their compiled form and the installed package lie at different depths below the package's folder.
function packageFolder(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'binding.gyp'))) return folder
    if (folder === dirname(folder)) return undefined
  }
}

const howToBuild =
  'To build it, have a C++20 compiler, make and Python 3 (Debian: `apt-get install g++ make python3`) and run ' +
  '`npm rebuild pagestore`; npm 12 does so once `npm approve-scripts pagestore` allows it.'

function failure(what: string, cause?: unknown): PageStoreError {
  const { platform, arch, version } = process
  const error = new PageStoreError('ERR_ADDON', `pagestore on ${platform}-${arch}, Node ${version}: ${what}`)
  error.cause = cause
  return error
}

/**
 * The addon: what was built here, or else what the package brought for this system.
 *
 * @throws {@link PageStoreError} `ERR_ADDON`, with what was looked for, where, and what to install
 */
export function loadAddon(): unknown {
  if (process.platform !== 'linux') throw failure('it runs on Linux only.')
  const folder = packageFolder()
  if (folder === undefined) {
    throw failure('its folder is not to be found. A bundler must leave pagestore outside of the bundle.')
  }
  const require = createRequire(import.meta.url)
  const find = require('node-gyp-build') as Finder
  let path: string
  try {
    path = find.resolve(folder)
  } catch (cause) {
    const where = process.env['PAGESTORE_PREBUILD'] ?? folder
    const prebuilt = `prebuilds/${process.platform}-${process.arch}/pagestore.glibc.node`
    const libc = existsSync('/etc/alpine-release') ? ' (which is for glibc, and this is musl)' : ''
    throw failure(`no addon in ${where}: neither build/Release/*.node nor ${prebuilt}${libc}. ${howToBuild}`, cause)
  }
  try {
    return require(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw failure(`the addon ${path} does not load: ${why}. ${howToBuild}`, cause)
  }
}
