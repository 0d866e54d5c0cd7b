/**
 * `install` script of the published package: compiles the addon where no binary that loads comes with it. In a checkout
 * scripts/setup.mjs does this (it is not part of the package), so that an install there stays an install.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
const require = createRequire(import.meta.url)
const binary = join(root, 'build', 'Release', 'streaming_tda.node')

function loads() {
  try {
    require(binary)
    return true
  } catch {
    return false
  }
}

if (existsSync(join(here, 'setup.mjs'))) {
  process.stdout.write('A checkout of streaming-tda: `npm start` or `npm test` builds what is missing.\n')
} else if (!loads()) {
  const cmakeJs = require.resolve('cmake-js/bin/cmake-js')
  const built = spawnSync(process.execPath, [cmakeJs, 'build', '--directory', root], {
    stdio: 'inherit',
    cwd: root
  })
  if (built.status !== 0 || !loads()) {
    process.stderr.write(
      'streaming-tda: the native addon could not be compiled (the reason is above). It needs a C++20 compiler, make\n' +
        'and CMake 3.25 or newer; on Debian or Ubuntu: sudo apt-get install g++ make cmake. Then run: npm rebuild streaming-tda\n'
    )
    process.exit(1)
  }
}
