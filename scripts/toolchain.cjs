/**
 * Run at installation where the package brought no addon for this system: says in a few lines what a build would lack,
 * instead of leaving it to the build.
 */
const { spawnSync } = require('node:child_process')

/** @param {string} command @param {string[]} args @param {string} [input] */
function runs(command, args, input) {
  return spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0
}

function compiles() {
  const [command = 'g++', ...words] = (process.env['CXX'] || 'g++').split(' ')
  return runs(command, [...words, '-std=c++20', '-fsyntax-only', '-x', 'c++', '-'], '#include <bit>\n#include <span>\n')
}

const missing = []
if (process.platform !== 'linux') missing.push('Linux, the only system it runs on')
else {
  if (!compiles()) missing.push('a C++20 compiler: g++ 10 or newer, or what CXX names')
  if (!runs(process.env['MAKE'] || 'make', ['--version'])) missing.push('make')
  if (!runs(process.env['npm_config_python'] || process.env['PYTHON'] || 'python3', ['--version'])) {
    missing.push('Python 3')
  }
}

if (missing.length > 0) {
  const { platform, arch } = process
  console.error(
    [
      `pagestore brought no addon for ${platform}-${arch} (prebuilds/${platform}-${arch}), and cannot be built here.`,
      'What is missing:',
      ...missing.map((what) => `  - ${what}`),
      ...(platform === 'linux' ? ['On Debian and Ubuntu: apt-get install g++ make python3'] : []),
    ].join('\n'),
  )
  process.exit(1)
}
