// Mounts an overlay file system, in a namespace of mounts of the script's own. Without one it ends with 77, and says why.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A folder in `folder` whose file `log` lies in the lower layer.
 * @param {string} folder
 */
export function mountOverlay(folder) {
  const lower = join(folder, 'lower')
  const upper = join(folder, 'layers/upper')
  const work = join(folder, 'layers/work')
  const merged = join(folder, 'merged')
  mkdirSync(join(folder, 'layers'))
  // What is written cannot lie on an overlay itself.
  execFileSync('mount', ['-t', 'tmpfs', 'none', join(folder, 'layers')])
  for (const path of [lower, upper, work, merged]) mkdirSync(path)
  writeFileSync(join(lower, 'log'), 'so far\n')
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`
  const mounted = spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', options, merged], { encoding: 'utf8' })
  if (mounted.status === 0) return merged
  console.log(mounted.stderr.trim())
  process.exit(77)
}
