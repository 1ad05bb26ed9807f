/**
 * Run at installation where the package brought no addon for this system: says in a few lines what a build would lack,
 * instead of leaving it to the build.
 */
const { spawnSync } = require('node:child_process')
const { existsSync } = require('node:fs')

/** @param {string} command @param {string[]} args @param {string} [input] */
function runs(command, args, input) {
  return spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0
}

/** @param {string} compiler a command, possibly with words of its own: `ccache g++` @param {string} language @param {string} source */
function compiles(compiler, language, source) {
  const [command = '', ...words] = compiler.trim().split(/\s+/)
  return runs(command, [...words, '-fsyntax-only', ...language.split(' '), '-'], source)
}

const missing = []
if (process.platform !== 'linux') missing.push('Linux, the only system it runs on')
else {
  if (!compiles(process.env['CXX'] || 'g++', '-std=c++20 -x c++', '#include <bit>\n#include <span>\n')) {
    missing.push('a C++20 compiler: g++ 10 or newer, or what CXX names')
  }
  if (!compiles(process.env['CC'] || 'cc', '-x c', '#include <stdint.h>\n'))
    missing.push('a C compiler: cc, or what CC names')
  if (!runs(process.env['MAKE'] || 'make', ['--version'])) missing.push('make')
  if (!runs(process.env['npm_config_python'] || process.env['PYTHON'] || 'python3', ['--version'])) {
    missing.push('Python 3')
  }
}

if (missing.length > 0) {
  const { platform, arch } = process
  const libc = existsSync('/etc/alpine-release') ? ' with musl' : ''
  console.error(
    [
      `pagestore brought no addon for ${platform}-${arch}${libc} (prebuilds/${platform}-${arch}), and cannot be built here.`,
      'What is missing:',
      ...missing.map((what) => `  - ${what}`),
      ...(platform === 'linux' ? ['On Debian and Ubuntu: apt-get install g++ make python3'] : []),
    ].join('\n'),
  )
  process.exit(1)
}
