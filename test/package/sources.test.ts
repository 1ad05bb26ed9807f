import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

import { expect, test } from 'vitest'

import { copyToBuild } from '../../scripts/packed-files.js'
import { newFolder, root } from './support.js'

/** What node-gyp compiles, from the makefiles that it writes: two for the core, one for the addon. */
function gypSources(folder: string): string[] {
  copyToBuild(root, folder)
  execFileSync(join(root, 'node_modules/.bin/node-gyp'), ['configure', '--silent'], { cwd: folder, stdio: 'pipe' })
  return ['pagestore_pages', 'pagestore_core', 'pagestore'].flatMap((target) => {
    const makefile = readFileSync(join(folder, `build/${target}.target.mk`), 'utf8')
    return [...makefile.matchAll(/\$\(obj\)\.target\/\$\(TARGET\)\/(native\/\S+)\.o/g)].map(([, file]) => file!)
  })
}

/** What CMake compiles, from the commands that it writes down. */
function cmakeSources(folder: string): string[] {
  const options = ['-DCMAKE_JS_VERSION=8', '-DCMAKE_JS_INC=/somewhere']
  execFileSync('cmake', ['-S', root, '-B', folder, ...options], { stdio: 'pipe' })
  const commands: { file: string }[] = JSON.parse(readFileSync(join(folder, 'compile_commands.json'), 'utf8'))
  const isGenerated = (file: string) => file.startsWith(folder) // headers that are compiled once
  return commands.flatMap(({ file }) => (isGenerated(file) ? [] : [relative(root, file).replace(/\.\w+$/, '')]))
}

test('what is shipped, what is developed and what lies there are the same sources', () => {
  using gyp = newFolder()
  using cmake = newFolder()
  const shipped = gypSources(gyp.path).sort()
  expect(cmakeSources(cmake.path).sort()).toEqual(shipped)
  const lying = readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(cc|c)$/.test(file) && !/^(test|bench)\//.test(file))
    .map((file) => `native/${file.replace(/\.\w+$/, '')}`)
  expect(lying.sort()).toEqual(shipped)
})
