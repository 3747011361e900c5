// `npm run check`: format and lint, types, and the rules of the house: layers import downwards, without circles.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'src')

/** From the bottom up: a layer may import what stands before it, and itself. */
const layers = [
  'base',
  'native',
  'memory',
  'ring',
  'engine',
  'transfer',
  'http',
  'server',
  'relay',
  'measure',
  'doctor',
  'cli',
]

const failures = [
  ...run('format and lint', 'biome', ['check', '--error-on-warnings', '.']),
  ...run('types', 'tsc', ['-p', 'tsconfig.json', '--noEmit', '--incremental', 'false']),
  ...checkImports(),
]
for (const failure of failures) console.error(`check: ${failure}`)
if (failures.length > 0) process.exit(1)
console.log('check: format, lint, types, layers and circles are in order')

function run(what, tool, args) {
  const { status } = spawnSync(join(root, 'node_modules', '.bin', tool), args, {
    cwd: root,
    stdio: 'inherit',
  })
  return status === 0 ? [] : [`${what}: ${tool} found something`]
}

function checkImports() {
  const files = readdirSync(source, { recursive: true })
    .map(name => join(source, String(name)))
    .filter(path => path.endsWith('.ts'))
  const imports = new Map(files.map(path => [path, importsOf(path)]))
  return [...checkLayers(imports), ...checkCircles(imports)]
}

function importsOf(path) {
  const text = readFileSync(path, 'utf8')
  return [...text.matchAll(/^(?:import|export)\s[^'"]*?from '(\.[^']+)'/gms)].map(match =>
    resolve(dirname(path), match[1].replace(/\.js$/, '.ts')),
  )
}

function checkLayers(imports) {
  const wrong = []
  for (const [path, targets] of imports) {
    const from = layerOf(path)
    if (from === null) continue
    for (const target of targets) {
      const to = layerOf(target)
      const upwards = to === null || layers.indexOf(to) > layers.indexOf(from)
      if (upwards) wrong.push(`layers: ${short(path)} imports ${short(target)}, which is above it`)
    }
    if (!layers.includes(from)) wrong.push(`layers: ${short(path)} is in no known layer`)
  }
  return wrong
}

/** The folder below src/, or null for the entry point, which may import everything. */
function layerOf(path) {
  const parts = relative(source, path).split(sep)
  return parts.length === 1 ? null : parts[0]
}

function checkCircles(imports) {
  const done = new Set()
  const circles = []
  const visit = (path, trail) => {
    if (done.has(path)) return
    if (trail.includes(path)) {
      circles.push(`circle: ${[...trail.slice(trail.indexOf(path)), path].map(short).join(' → ')}`)
      return
    }
    for (const target of imports.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of imports.keys()) visit(path, [])
  return circles
}

function short(path) {
  return relative(root, path)
}
