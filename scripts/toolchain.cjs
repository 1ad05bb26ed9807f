/**
 * Run at installation where the package brought no addon for this system: says in a few lines what a build would lack,
 * instead of leaving it to the build.
 */
const { spawnSync } = require('node:child_process')
const { existsSync } = require('node:fs')

const { env, platform, arch } = process

/** By a shell, as make does it: a compiler may have words of its own. @param {string} command @param {string} [input] */
function runs(command, input) {
  return spawnSync('/bin/sh', ['-c', command], { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0
}

/** As node-gyp looks for it. */
function hasPython() {
  const forced = env['NODE_GYP_FORCE_PYTHON']
  const candidates = forced ? [forced] : [env['npm_config_python'], env['PYTHON'], 'python3', 'python']
  return candidates.some((python) => python && runs(`"${python}" -c 'import sys; sys.exit(sys.version_info[0] < 3)'`))
}

const missing = []
if (platform !== 'linux') missing.push('Linux, the only system it runs on')
else {
  if (!runs(`${env['CXX'] || 'g++'} -std=c++20 -fsyntax-only -x c++ -`, '#include <bit>\n#include <span>\n')) {
    missing.push('a C++20 compiler: g++ 10 or newer, or what CXX names')
  }
  if (!runs(`${env['CC'] || 'cc'} -fsyntax-only -x c -`, '#include <stdint.h>\n')) {
    missing.push('a C compiler: cc, or what CC names')
  }
  if (!runs(`${env['MAKE'] || 'make'} --version`)) missing.push('make')
  if (!hasPython()) missing.push('Python 3')
}

if (missing.length > 0) {
  const libc = existsSync('/etc/alpine-release') ? ' with musl' : ''
  const system = `${platform}-${arch}`
  console.error(
    [
      `pagestore brought no addon for ${system}${libc} (prebuilds/${system}), and cannot be built here.`,
      'What is missing:',
      ...missing.map((what) => `  - ${what}`),
      ...(platform === 'linux' ? ['On Debian and Ubuntu: apt-get install g++ make python3'] : []),
    ].join('\n'),
  )
  process.exit(1)
}
