/** Finds the native addon, and says what is wrong where there is none or it does not load. */

import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { PageStoreError } from '../errors.js'
import { isMusl } from './libc.js'

const name = 'pagestore'

const howToBuild =
  'To build it, have a C++20 compiler, make and Python 3 (Debian: `apt-get install g++ make python3`) and run ' +
  `\`npm rebuild ${name}\`; npm 12 does so once \`npm approve-scripts ${name}\` allows it.`

/** What to do where there is no addon, or none that loads. */
function whatHelps(): string {
  if (!isMusl()) return howToBuild
  return (
    `What ${name} brings is for glibc, and this Node is linked with musl (Alpine): run it on a system with glibc, as the ` +
    `image node:22-slim is. On musl it was never tried. ${howToBuild}`
  )
}

function failure(what: string, cause?: unknown): PageStoreError {
  const { platform, arch, version } = process
  const error = new PageStoreError('ERR_ADDON', `${name} on ${platform}-${arch}, Node ${version}: ${what}`)
  error.cause = cause
  return error
}

// Sources, their compiled form and the installed package lie at different depths below the package's folder.
function packageFolder(): string {
  // A bundle in CommonJS has no URL; one in a module has that of another package.
  const url: unknown = import.meta.url
  for (let folder = typeof url === 'string' ? dirname(fileURLToPath(url)) : '/'; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === name) return folder
    if (folder === dirname(folder)) {
      throw failure(`a bundler must leave it outside of the bundle (esbuild: --external:${name}).`)
    }
  }
}

/** The path of what was built in `folder`, or else of what the package brought for this system. */
function find(folder: string, require: NodeJS.Require): string {
  const { resolve } = require('node-gyp-build') as { resolve(folder: string): string }
  try {
    return resolve(folder)
  } catch (cause) {
    const arch = process.env['npm_config_arch'] ?? process.arch
    const where = process.env['PAGESTORE_PREBUILD'] ?? folder
    const prebuilt = `prebuilds/${process.platform}-${arch}/${name}.glibc.node`
    throw failure(`no addon in ${where}: neither build/Release/*.node nor ${prebuilt}. ${whatHelps()}`, cause)
  }
}

const machines = { x64: 62, arm64: 183 } as const

/** What the loader would not say, or would not survive: a file that is not whole ends the process with SIGBUS. */
function defectOf(path: string): string | undefined {
  const header = Buffer.alloc(64)
  const file = openSync(path, 'r')
  try {
    const read = readSync(file, header, 0, 64, 0)
    // https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html: the section headers stand at the end.
    const end = Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60)
    if (read < 64 || fstatSync(file).size < end) return 'is not whole: install it again'
    const wanted: number | undefined = machines[process.arch as keyof typeof machines]
    if (wanted !== undefined && header.readUInt16LE(18) !== wanted) return 'is for another processor'
  } finally {
    closeSync(file)
  }
  return undefined
}

/**
 * The addon: what was built here, or else what the package brought for this system.
 *
 * @throws {@link PageStoreError} `ERR_ADDON`, with what was looked for, where, and what to install
 */
export function loadAddon(): unknown {
  if (process.platform !== 'linux') throw failure('it runs on Linux only.')
  const folder = packageFolder()
  const require = createRequire(import.meta.url)
  const path = find(folder, require)
  const defect = defectOf(path)
  if (defect !== undefined) throw failure(`the addon ${path} ${defect}. ${howToBuild}`)
  try {
    return require(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw failure(`the addon ${path} does not load: ${why}. ${whatHelps()}`, cause)
  }
}
