// `npm test`: installs what the tests need, builds, checks, and runs every test; says what it skipped, and why.
//   npm test -- http          only the files whose names contain "http", once, with the addon
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.js'
import { provide, testTools } from './tools.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const compiled = join(root, 'build', 'dev', 'test')
const [only] = process.argv.slice(2)

/** What measures, or starts many processes: one file at a time. Of the others there are two. */
const alone = /^(bench|browser|cli|docs|doctor|measure|package|proof|stress)\//
/** What must hold without the addon, by copying; or say what is missing. */
const behaviour = /^(base|native|memory|engine|transfer|conformance|http|server|relay|measure|doctor)\//
/** What a Node may change: its sockets, streams, buffers and threads. */
const nodeUsers = /^(base|native|memory|ring|engine|transfer|conformance|http|server|relay)\//
/** Where it matters who waits for sockets, Node's loop or the engine, as in `sluice proxy`. */
const waiting = /^(conformance|relay|transfer)\//
/** Tests that load the addon, for the run under AddressSanitizer. */
const addonUsers = /^(native|memory|ring|engine|transfer|conformance|server|relay)\//
const nodeVersions = ['20', '22', '24', '26']
/** How long requests at random are tried: long once, and again briefly. */
const fuzzSeconds = { first: '60', again: '3' }
/** The same for connections through the proxy. */
const soakSeconds = { first: '60', again: '3' }

const failures = []

provide(testTools)
build({ dev: true })
const files = readdirSync(compiled, { recursive: true })
  .map(String)
  // What is left of a test that was removed does not count.
  .filter(name => name.endsWith('.test.js') && existsSync(join(root, 'test', name.replace(/js$/, 'ts'))))
  .sort()

if (only !== undefined) {
  run(
    'selected tests',
    files.filter(name => name.includes(only)),
  )
} else {
  step('check', () => command(process.execPath, [join(root, 'scripts', 'check.js')]))
  run(
    'tests that need the machine for themselves',
    files.filter(name => alone.test(name)),
  )
  run(
    'all other tests',
    files.filter(name => !alone.test(name)),
    {
      env: { SLUICE_FUZZ_SECONDS: fuzzSeconds.first, SLUICE_SOAK_SECONDS: soakSeconds.first },
      atOnce: 2,
    },
  )
  runAgain(
    'with an engine that waits itself',
    files.filter(name => waiting.test(name)),
    { env: { SLUICE_WAIT: 'engine' } },
  )
  runAgain(
    'without the addon',
    files.filter(name => behaviour.test(name)),
    { env: { SLUICE_ADDON: 'off' } },
  )
  runSanitized()
  for (const version of nodeVersions) runOn(version)
}

for (const failure of failures) console.error(`test: ${failure} failed`)
process.exitCode = failures.length > 0 ? 1 : 0

function run(what, names, { env = {}, node = process.execPath, tree = root, atOnce = 1 } = {}) {
  const paths = names.map(name => join(tree, 'build', 'dev', 'test', name))
  const options = [`--test-concurrency=${atOnce}`, '--test-timeout=300000', '--test-reporter=spec']
  step(`${what} (${paths.length} files)`, () => command(node, ['--test', ...options, ...paths], env, tree))
}

/** What passed once, under other conditions: less of what is at random. */
function runAgain(what, names, { env = {}, ...options }) {
  run(what, names, {
    env: { SLUICE_FUZZ_SECONDS: fuzzSeconds.again, SLUICE_SOAK_SECONDS: soakSeconds.again, ...env },
    atOnce: 2,
    ...options,
  })
}

/** The same tests on an addon that watches its own memory; in a tree of its own, so that the real addon stays. */
function runSanitized() {
  const tree = join(root, 'build', 'sanitized')
  const libraries = ['libasan.so', 'libubsan.so'].map(libraryPath)
  if (process.platform !== 'linux' || libraries.includes(null)) {
    console.log('Skipped: the run under AddressSanitizer, because the compiler has no libasan and libubsan.')
    return
  }
  mkdirSync(join(tree, 'build'), { recursive: true })
  rmSync(join(tree, 'build', 'dev'), { recursive: true, force: true })
  for (const name of ['package.json', 'bin', 'dist', 'docs', 'schema', 'test/support', 'build/dev']) {
    cpSync(join(root, name), join(tree, name), { recursive: true })
  }
  if (!existsSync(join(tree, 'node_modules')))
    cpSync(join(root, 'node_modules'), join(tree, 'node_modules'), { recursive: true })
  const headers = join(root, 'node_modules', 'node-api-headers', 'include')
  const sanitize = 'SANITIZE=-fsanitize=address,undefined -fno-sanitize-recover=undefined'
  step('building the addon with AddressSanitizer', () =>
    command('make', [
      '-s',
      '-C',
      join(root, 'native'),
      `OUT=${join(tree, 'build')}`,
      `NODE_API_INCLUDE=${headers}`,
      sanitize,
    ]),
  )
  runAgain(
    'on AddressSanitizer and UndefinedBehaviorSanitizer',
    // The soak's processes start so slowly there that the time in which it excuses a killed upstream is over.
    files.filter(name => addonUsers.test(name) && !name.startsWith('relay/soak')),
    {
      tree,
      // Node itself leaks at exit what the process's end gives back; only the addon's own errors matter here.
      env: { LD_PRELOAD: libraries.join(' '), ASAN_OPTIONS: 'detect_leaks=0', SLUICE_SANITIZED: '1' },
    },
  )
}

function libraryPath(name) {
  const { stdout } = spawnSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' })
  const path = (stdout ?? '').trim()
  return path.includes('/') ? path : null
}

/** The behaviour on another Node, which npm brings as a plain package with a binary inside. */
function runOn(version) {
  if (process.version.startsWith(`v${version}.`)) return
  const folder = join(root, '.cache', `node-${version}`)
  const packageName = `node-${process.platform}-${process.arch}`
  const binary = join(folder, 'node_modules', packageName, 'bin', 'node')
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true })
    command('npm', [
      'install',
      '--silent',
      '--ignore-scripts',
      '--no-save',
      '--prefix',
      folder,
      `${packageName}@${version}`,
    ])
  }
  if (!existsSync(binary)) {
    console.log(`Skipped: the tests on Node ${version}, because npm did not bring ${packageName}@${version}.`)
    return
  }
  runAgain(
    `on Node ${version}`,
    files.filter(name => nodeUsers.test(name)),
    { node: binary },
  )
}

function step(name, action) {
  const began = Date.now()
  console.log(`\n== ${name}`)
  if (!action()) failures.push(name)
  console.log(`== ${name}: ${((Date.now() - began) / 1000).toFixed(0)} s`)
}

function command(name, args, env = {}, cwd = root) {
  return (
    // What somebody measured on this machine must not decide which paths the tests see.
    spawnSync(name, args, {
      cwd,
      env: { ...process.env, SLUICE_COSTS: 'off', ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    }).status === 0
  )
}
