import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { newFolder, root, run, tarball } from './support.js'

const bin = (name: string) => join(root, 'node_modules/.bin', name)

// As a user's code has it: values, types that are named, errors by their code.
const consumer = `
import { type ErrorCode, LocalMemory, PageStore, PageStoreError, pageSize, type Range, type Snapshot } from 'pagestore'
import { always, explore, type Exploration, Program } from 'pagestore/explore'

export function written(bytes: Uint8Array<ArrayBuffer>, change: () => void): Range[] {
  using store = new PageStore({ maxPages: 1000 })
  using memory = new LocalMemory(store, bytes)
  const before: Snapshot = memory.capture()
  change()
  return before.diff(memory.capture())
}

export function code(error: unknown): ErrorCode | undefined {
  return error instanceof PageStoreError ? error.code : undefined
}

export async function search(): Promise<Exploration> {
  const properties = [always('even', (state) => state.int32('n') % 2 === 0)]
  return explore(new Program('./model'), { properties })
}

// @ts-expect-error a number is no page
new PageStore().storePage(pageSize)
`

function project(folder: string): string {
  const path = join(folder, 'project')
  mkdirSync(join(path, 'node_modules/@types'), { recursive: true })
  run('tar', ['xzf', tarball], folder)
  symlinkSync(join(folder, 'package'), join(path, 'node_modules/pagestore'))
  symlinkSync(join(root, 'node_modules/@types/node'), join(path, 'node_modules/@types/node'))
  return path
}

test.each([
  ['a module', 'consumer.mts'],
  ['CommonJS', 'consumer.cts'],
])('a strict project in TypeScript uses it from %s', (_, file) => {
  using folder = newFolder()
  const path = project(folder.path)
  writeFileSync(join(path, 'package.json'), '{ "private": true }')
  writeFileSync(join(path, file), consumer)
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: 'nodenext',
    target: 'es2022',
    skipLibCheck: false,
    noEmit: true,
  }
  writeFileSync(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
  const { stdout, status } = run(bin('tsc'), ['-p', '.'], path)
  expect(stdout).toBe('')
  expect(status).toBe(0)
})

test('publint finds nothing wrong with the package', () => {
  const { stdout, stderr, status } = run(bin('publint'), ['run', tarball, '--strict'], root)
  expect(status, stdout + stderr).toBe(0)
})

test('its types are right for modules, for CommonJS and for bundlers', () => {
  // Node 20.19 and newer let CommonJS require a module, which is what the rule left out warns of; `exports` are
  // unknown to the resolution of Node 10.
  const args = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm', '--no-color', '--no-emoji']
  const { stdout, stderr, status } = run(bin('attw'), [tarball, ...args], root)
  expect(status, stdout + stderr).toBe(0)
})
