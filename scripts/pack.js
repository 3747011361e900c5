// `npm run pack`: makes what is published, in build/packages/: the package, and this platform's prebuilt addon as a
// package of its own, which npm picks by os and cpu. Neither has an install script.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const output = join(root, 'build', 'packages')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const platform = `@sluice/${process.platform}-${process.arch}`

build()
rmSync(output, { recursive: true, force: true })
pack(mainPackage())
pack(platformPackage())

/** The package as published: without what only developing it needs, and with the platform packages as options. */
function mainPackage() {
  const { scripts, devDependencies, ...published } = manifest
  const optionalDependencies = { [platform]: manifest.version }
  const files = [...manifest.files, 'README.md', 'LICENSE']
  return layOut('sluice', files, { ...published, scripts: { build: scripts.build }, optionalDependencies })
}

function platformPackage() {
  return layOut(platform.slice(1).replace('/', '-'), ['LICENSE', ['build/sluice.node', 'sluice.node']], {
    name: platform,
    version: manifest.version,
    description: `The native addon of sluice for ${process.platform} on ${process.arch}.`,
    license: manifest.license,
    os: [process.platform],
    cpu: [process.arch],
    libc: [process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'],
    files: ['sluice.node'],
  })
}

/** Copies files, each under its own name or [from, to] → the package's folder. */
function layOut(name, files, contents) {
  const folder = join(output, name)
  mkdirSync(folder, { recursive: true })
  for (const file of files) {
    const [from, to] = Array.isArray(file) ? file : [file, file]
    cpSync(join(root, from), join(folder, to), { recursive: true })
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(contents, null, 2)}\n`)
  return folder
}

function pack(folder) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', output, folder]
  const [packed] = JSON.parse(
    execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  )
  rmSync(folder, { recursive: true })
  console.log(`${packed.filename}: ${packed.files.length} files, ${(packed.size / 1024).toFixed(0)} KiB`)
}
