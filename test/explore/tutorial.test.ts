import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'

const root = join(import.meta.dirname, '../..')
const tutorial = readFileSync(join(root, 'docs/check.md'), 'utf8')
const blocks = [...tutorial.matchAll(/^```(\w*)\n(.*?)^```/gms)].map(([, language, text]) => ({
  language,
  text: text!,
}))

// Times and bytes are what they are.
const plain = (text: string) => text.replace(/[\d.]+ s, [\d ]+ bytes\/state/, 'TIME').trimEnd()

test('each command of the tutorial prints what it says', () => {
  const folder = ownFolder()
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/pagestore'))
  symlinkSync(join(root, 'dist/lib/cli/main.js'), join(folder, 'node_modules/.bin/pagestore'))
  let printed = ''
  let compared = 0
  for (const { language, text } of blocks) {
    if (language === 'c') writeFileSync(join(folder, 'clerks.c'), text)
    if (language === 'sh') {
      const { stdout, stderr, status } = spawnSync(
        'sh',
        ['-c', `set -e\n${text.replaceAll('npx pagestore', 'pagestore')}`],
        {
          cwd: folder,
          encoding: 'utf8',
          env: { ...process.env, PATH: `${join(folder, 'node_modules/.bin')}:${process.env['PATH']}` },
        },
      )
      expect({ stderr, ended: [0, 1].includes(status ?? -1) }).toEqual({ stderr: '', ended: true })
      printed = stdout
    }
    if (language === '') {
      expect(plain(printed)).toBe(plain(text))
      compared++
    }
    if (language === 'js') {
      const output = execFileSync(process.execPath, ['--input-type=module', '-e', text], {
        cwd: folder,
        encoding: 'utf8',
      })
      expect(output).toBe('true 13 0\n')
      compared++
    }
  }
  expect(compared).toBe(5)
})
