/** The package as its users get it: installed from tarballs, without install scripts. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary.js'

const report = `
  import { file, plan, socket } from 'sluice'
  import { sendFile, serveStatic } from 'sluice/http'
  import { createFileServer } from 'sluice/server'
  import net from 'node:net'
  const { path, why } = plan(file('package.json'), socket(new net.Socket()))
  console.log(JSON.stringify({ path, why, http: [typeof sendFile, typeof serveStatic], server: typeof createFileServer }))`

test('the packed package installs without scripts and finds its addon in the platform package', t => {
  const folder = temporaryFolder(t)
  run('npm', ['run', '--silent', 'pack'], repository)
  const packages = join(repository, 'build', 'packages')
  const tarballs = readdirSync(packages).filter(name => name.endsWith('.tgz'))
  assert.equal(tarballs.length, 2)
  writeFileSync(join(folder, 'package.json'), '{"name":"user","private":true,"type":"module"}')
  run(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs.map(name => join(packages, name))],
    folder,
  )

  const withAddon = importInto(folder)
  assert.equal(withAddon.path, 'sendfile')
  assert.deepEqual([...withAddon.http, withAddon.server], ['function', 'function', 'function'])
  assert.match(run(join(folder, 'node_modules', '.bin', 'sluice'), ['--version'], folder), /^\d+\.\d+\.\d+$/m)

  rmSync(join(folder, 'node_modules', '@sluice'), { recursive: true })
  const withoutAddon = importInto(folder)
  assert.equal(withoutAddon.path, 'copy')
  assert.match(
    withoutAddon.why,
    /there is no addon: @sluice\/\S+ is not there; build\/sluice\.node is not there/,
  )

  // What a user without a platform package runs: the addon is built from the package's own sources.
  cpSync(
    join(repository, 'node_modules', 'node-api-headers'),
    join(folder, 'node_modules', 'node-api-headers'),
    {
      recursive: true,
    },
  )
  run(process.execPath, ['scripts/build.js'], join(folder, 'node_modules', 'sluice'))
  assert.equal(importInto(folder).path, 'sendfile')
})

function importInto(folder: string): { path: string; why: string; http: string[]; server: string } {
  return JSON.parse(run(process.execPath, ['--input-type=module', '--eval', report], folder))
}

function run(command: string, args: string[], cwd: string): string {
  // Not the options of the npm that may be running these tests.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')))
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
