import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { beforeAll, describe, expect, test } from 'vitest'

import {
  barePath,
  installNpms,
  type Npm,
  newFolder,
  newProject,
  run,
  tarball,
  whereIs,
  withoutPrebuilds,
} from './support.js'

const job = `
  const store = new PageStore()
  const numbers = store.storePages(Buffer.alloc(100 * pageSize, 7))
  const bytes = Buffer.alloc(64 * pageSize, 1)
  const memory = new LocalMemory(store, bytes)
  const before = memory.capture()
  bytes.fill(2)
  memory.restore(before)
  console.log(store.refCount(numbers[0]), store.getPage(numbers[99])[4095], bytes[5 * pageSize], typeof explore)
  store.close()
`
const esm = `import { LocalMemory, PageStore, pageSize } from 'pagestore'
  import { explore } from 'pagestore/explore'
  ${job}`
const cjs = `const { LocalMemory, PageStore, pageSize } = require('pagestore')
  const { explore } = require('pagestore/explore')
  ${job}`
const printed = '100 7 1 function\n'

const unshare = whereIs('unshare')

/** Without a network, too: whatever is loaded came in the tarball. */
function runOffline(command: string[], project: string, PATH: string) {
  return run(unshare, ['--map-root-user', '--net', ...command], project, { PATH })
}

function doesTheMainJob(project: string, node: string, PATH: string): void {
  for (const [type, source] of [
    ['module', esm],
    ['commonjs', cjs],
  ] as const) {
    const { stdout, stderr } = runOffline([node, `--input-type=${type}`, '-e', source], project, PATH)
    expect({ stdout, stderr }).toEqual({ stdout: printed, stderr: '' })
  }
  const script = 'node_modules/.bin/pagestore dedup $$ --rounds 1; exit $?'
  const dedup = runOffline([join(PATH, 'sh'), '-c', script], project, PATH)
  expect(dedup.stdout).toMatch(/distinct pages stored/)
  expect(dedup.status, dedup.stderr).toBe(0)
}

const npms = new Map<number, Npm>()
beforeAll(() => {
  const modules = installNpms()
  const script = (version: number) => join(modules, `npm-${version}/bin/npm-cli.js`)
  npms.set(11, { node: process.execPath, script: script(11) })
  // It wants a newer Node than the oldest that we support.
  npms.set(12, { node: join(modules, 'node-22/bin/node'), script: script(12) })
})

describe.each([11, 12])('npm %d', (version) => {
  test.each([
    ['with', []],
    ['without', ['--ignore-scripts']],
  ])(
    'installs it %s install scripts, with no compiler, and it does its job',
    (_, flags) => {
      const { node, script } = npms.get(version)!
      using folder = newFolder()
      const PATH = barePath(folder.path, node)
      const project = newProject(folder.path, tarball)
      const env = { PATH, HOME: folder.path, ...toReachTheRegistry() }
      expect(readdirSync(PATH).sort()).toEqual(['env', 'node', 'sh', 'uname'])

      for (const command of [['install', tarball], ['ci']]) {
        const installed = run(node, [script, ...command, ...flags], project, env)
        expect(installed.status, installed.stderr).toBe(0)
        doesTheMainJob(project, node, PATH)
      }
    },
    300_000,
  )

  test('says what is missing where nothing was prebuilt and nothing compiles', () => {
    const { node, script } = npms.get(version)!
    using folder = newFolder()
    const env = { PATH: barePath(folder.path, node), HOME: folder.path, ...toReachTheRegistry() }
    const bare = withoutPrebuilds(folder.path)
    const project = newProject(folder.path, bare)
    const refused = run(node, [script, 'install', bare], project, env)
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toContain(`pagestore brought no addon for linux-${process.arch}`)
    expect(refused.stderr).toMatch(/C\+\+20 compiler.*\n.*- a C compiler.*\n.*- make\n.*- Python 3\n/)
    expect(refused.stderr).not.toMatch(/gyp ERR/)

    // With the scripts left out it installs, and the import says it.
    const installed = run(node, [script, 'install', '--ignore-scripts', bare], project, env)
    expect(installed.status, installed.stderr).toBe(0)
    const source = "import('pagestore').catch((error) => console.log(error.code, error.message))"
    const { stdout } = run(node, ['-e', source], project, env)
    expect(stdout).toMatch(/^ERR_ADDON .*no addon in .*node_modules.pagestore: neither build.Release.* nor prebuilds/)
    expect(stdout).toMatch(
      /C\+\+20 compiler, make and Python 3 .*apt-get install g\+\+ make python3.*npm rebuild pagestore/,
    )
  })
})

test('builds it where nothing was prebuilt and a compiler is there', () => {
  const { node, script } = npms.get(11)!
  using folder = newFolder()
  const bare = withoutPrebuilds(folder.path)
  const project = newProject(folder.path, bare)
  const installed = spawnSync(node, [script, 'install', bare], {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, JOBS: '2' },
  })
  expect(installed.status, installed.stderr).toBe(0)
  doesTheMainJob(project, node, barePath(folder.path, node))
})

/** What a machine behind a proxy, or with certificates of its own, sets. */
function toReachTheRegistry(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) =>
      /^(NODE_EXTRA_CA_CERTS|npm_config_registry|https?_proxy|no_proxy)$/i.test(name),
    ),
  )
}
