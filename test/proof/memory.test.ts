/** Proof by counting: how many bytes of memory that is sent pass through system calls that copy them? */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { without } from '../support/commands.js'
import { temporaryFolder } from '../support/temporary.js'

const leases = 16
const child = fileURLToPath(new URL('children/send-memory.js', import.meta.url))
const needs = native === null ? { skip: 'there is no addon' } : without('strace')

for (const path of ['vmsplice', 'sendfile'] as const) {
  test(`${path} passes less than 0.1 % of the bytes through copying calls`, needs, t => {
    assert.ok(copiedShare(t, path) < 0.001)
  })
}

test('the same measurement finds every byte when they are gathered and copied', needs, t => {
  const share = copiedShare(t, 'writev')
  assert.ok(share >= 1 && share < 1.01, `${share}`)
})

/** Bytes that calls moved out of the process by copying, as a share of those that the peer received. */
function copiedShare(t: Parameters<typeof temporaryFolder>[0], path: string): number {
  const log = join(temporaryFolder(t), 'strace')
  const calls = 'trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg'
  const args = ['-f', '-e', calls, '-o', log, process.execPath, child, path, String(leases)]
  const printed = execFileSync('strace', args, { encoding: 'utf8' })
  assert.match(printed, new RegExp(`^received ${leases * MiB},`))
  let moved = 0
  for (const match of readFileSync(log, 'utf8').matchAll(/ = (\d+)(?: |$)/gm)) moved += Number(match[1])
  return moved / (leases * MiB)
}
