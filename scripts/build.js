// Builds what is missing or older than its sources: the addon (make) and the JavaScript (tsc).
//   node scripts/build.js          what `npm start` needs: addon and dist/
//   node scripts/build.js --all    the same, but always asks make and tsc
//   node scripts/build.js --dev    also compiles the tests and benchmarks into build/dev/
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)

/** Builds; `quiet` prints nothing unless something fails. */
export function build({ always = false, dev = false } = {}) {
  if (process.platform === 'linux') buildAddon()
  // An installed package has no sources of its JavaScript: it comes compiled.
  if (!existsSync(join(root, 'src'))) return
  compile('tsconfig.json', ['src', 'tsconfig.json'], 'build/src.tsbuildinfo', always)
  if (dev)
    compile(
      'tsconfig.dev.json',
      ['src', 'test', 'bench', 'examples', 'tsconfig.dev.json'],
      'build/dev.tsbuildinfo',
      always,
    )
}

function buildAddon() {
  const made = run('make', ['-s', '-C', join(root, 'native'), `NODE_API_INCLUDE=${nodeApiHeaders()}`])
  if (made !== 0) {
    console.error(
      'sluice: the addon was not built, so every transfer will copy. It needs make, a C compiler (apt-get install make g++) and Linux 5.10 headers or later.',
    )
    if (process.env.SLUICE_ADDON !== 'off') process.exitCode = 1
  }
}

/** Node-API's headers: the npm package's where it is installed, else those beside this node. */
function nodeApiHeaders() {
  try {
    return require('node-api-headers').include_dir
  } catch {
    return join(dirname(dirname(process.execPath)), 'include', 'node')
  }
}

function compile(project, sources, stamp, always) {
  const stampPath = join(root, stamp)
  if (
    !always &&
    existsSync(stampPath) &&
    newest(sources.map(name => join(root, name))) < statSync(stampPath).mtimeMs
  )
    return
  mkdirSync(join(root, 'build'), { recursive: true })
  // tsc leaves an unchanged stamp alone, and old outputs of removed sources: both would mislead the next run.
  rmSync(stampPath, { force: true })
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  if (!existsSync(tsc)) {
    console.error('sluice: TypeScript is not installed; run `npm install` first.')
    process.exit(1)
  }
  const status = run(tsc, ['-p', join(root, project)])
  if (status !== 0) process.exit(status)
}

function newest(paths) {
  let latest = 0
  for (const path of paths) {
    if (!existsSync(path)) continue
    const stat = statSync(path)
    latest = Math.max(latest, stat.mtimeMs)
    if (stat.isDirectory()) latest = Math.max(latest, newest(readdirSync(path).map(name => join(path, name))))
  }
  return latest
}

function run(command, args) {
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], cwd: root }).status ?? 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  build({ always: process.argv.includes('--all'), dev: process.argv.includes('--dev') })
}
