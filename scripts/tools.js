// What the tests and benchmarks need beyond npm: Debian packages, installed where we may, named where we may not.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** By command: the Debian package that brings it. */
export const testTools = {
  strace: 'strace',
  curl: 'curl',
  wget: 'wget',
  openssl: 'openssl',
  python3: 'python3',
  chromium: 'chromium',
  'mkfs.btrfs': 'btrfs-progs',
  ip: 'iproute2',
  tc: 'iproute2',
  pgbench: 'postgresql',
  'redis-server': 'redis-server',
}

/** Installs what is missing, as root on Debian; → the commands that are still missing. */
export function provide(tools) {
  const missing = () => Object.keys(tools).filter(command => !isCommand(command))
  const before = missing()
  if (before.length === 0) return []
  const packages = [...new Set(before.map(command => tools[command]))]
  const mayInstall = process.getuid?.() === 0 && isCommand('apt-get')
  if (!mayInstall) {
    console.log(
      `Not installed, so what needs them is skipped: ${before.join(', ')} (apt-get install ${packages.join(' ')})`,
    )
    return before
  }
  console.log(`Installing what is missing: ${packages.join(' ')}`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = args =>
    spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'ignore', 'inherit'], env: environment })
  apt(['update'])
  apt(['install', '-y', '--no-install-recommends', ...packages])
  const after = missing()
  if (after.length > 0)
    console.log(`Could not be installed, so what needs them is skipped: ${after.join(', ')}`)
  return after
}

export function isCommand(name) {
  return `${process.env.PATH ?? ''}${delimiter}/usr/sbin`
    .split(delimiter)
    .some(folder => existsSync(join(folder, name)))
}
