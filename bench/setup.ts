/**
 * Brings what the benchmark compares with: nginx and HAProxy from the system's packages, Bun and send from npm into a directory
 * of their own (they are no dependencies of the project), and the C programs. A failed step is told, and the rest
 * goes on: a missing rival is skipped by the benchmark.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { messageOf } from './fail.js'
import { haproxy } from './peers/haproxy.js'
import { nginx } from './peers/nginx.js'
import { nginxStream } from './peers/nginx-stream.js'
import { compilePrograms } from './programs.js'
import { benchCache } from './project.js'

const npmPackages = ['bun@1', 'send@1']

/** Returns whether everything is there. */
export function setUp(): boolean {
  const steps = [
    { name: 'nginx and HAProxy', bring: bringServers },
    { name: npmPackages.join(', '), bring: bringPackages },
    { name: 'the C programs', bring: compilePrograms },
  ]
  return steps
    .map(({ name, bring }) => {
      try {
        bring()
        console.log(`${name}: ready`)
        return true
      } catch (error) {
        console.error(`${name}: ${messageOf(error)}`)
        return false
      }
    })
    .every(done => done)
}

function bringServers(): void {
  const wanted = {
    'nginx-light': nginx.find(),
    'libnginx-mod-stream': nginxStream.find(),
    haproxy: haproxy.find(),
  }
  const packages = Object.entries(wanted).flatMap(([name, found]) => ('missing' in found ? [name] : []))
  if (packages.length === 0) return
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', ...packages]
  if (process.getuid?.() !== 0) throw new Error(`not installed, which takes root: sudo ${install.join(' ')}`)
  run(['apt-get', 'update'])
  run(install)
}

function bringPackages(): void {
  mkdirSync(benchCache, { recursive: true })
  // Bun's install script only links the binary that its platform package holds, which is used from there.
  run([
    'npm',
    'install',
    '--prefix',
    benchCache,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...npmPackages,
  ])
}

function run([command, ...args]: string[]): void {
  const { status, error } = spawnSync(command!, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (error) throw new Error(`${command} cannot be run: ${error.message}`)
  if (status !== 0) throw new Error(`${command} ${args[0]} failed with status ${status}`)
}
