// Explores a program with the path of a file on an ext4 file system that keeps whole seconds (inodes of 128 bytes), in a
// namespace of mounts of the script's own. Prints, as JSON, what was found. Without one it ends with 77, and says why.
import { spawnSync } from 'node:child_process'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'

const [program = '', folder = ''] = process.argv.slice(2)
const [image, mounted] = [join(folder, 'image'), join(folder, 'mounted')]

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, ...args) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status === 0) return
  console.log(`${command}: ${stderr}`)
  process.exit(77)
}

mkdirSync(mounted)
writeFileSync(image, Buffer.alloc(1 << 20))
run('mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-I', '128', image)
run('mount', '-o', 'loop', image, mounted)
const file = join(mounted, 'file')
writeFileSync(file, 'a')
utimesSync(file, 1000, 1000)
// The search begins well after the file was made, and at the start of a second, within which it writes.
const now = Date.now()
await new Promise((resolve) => setTimeout(resolve, 3100 - (now % 1000)))
const { complete, violations, warnings } = await explore(new Program(program, [file]))
console.log(JSON.stringify({ complete, violations: violations.map(({ property }) => property), warnings }))
