/** Proof by counting: how many bytes from file to file pass through system calls that copy into the process or out of it? */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { without } from '../support/commands.js'
import { randomFile } from '../support/contents.js'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary.js'

const child = join(repository, 'build', 'dev', 'test', 'transfer', 'children', 'file-to-file.js')
const copyingCalls = 'read,readv,pread64,preadv,preadv2,write,writev,pwrite64,pwritev,pwritev2'
const fileBytes = 8 * MiB
const needs = native === null ? { skip: 'there is no addon' } : without('strace')

for (const path of ['copy_file_range', 'sendfile'] as const) {
  test(`${path} from file to file passes no byte through copying calls`, needs, t => {
    assert.equal(copiedBytes(t, path), 0)
  })
}

test('the same measurement finds every byte, twice, when the path is copying', needs, t => {
  assert.equal(copiedBytes(t, 'copy'), 2 * fileBytes)
})

/** Bytes that calls on the two files moved into the process and out of it. */
function copiedBytes(t: Parameters<typeof temporaryFolder>[0], path: PathName): number {
  const folder = temporaryFolder(t)
  const { path: from } = randomFile(folder, 'source.bin', fileBytes)
  const to = join(folder, 'sink.bin')
  const log = join(folder, 'strace.log')
  const strace = ['-f', '-P', from, '-P', to, '-e', `trace=${copyingCalls}`, '-o', log]
  const printed = execFileSync('strace', [...strace, process.execPath, child, from, to, path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  assert.equal(JSON.parse(printed).path, path)
  let sum = 0
  for (const match of readFileSync(log, 'utf8').matchAll(/\) += (\d+)$/gm)) sum += Number(match[1])
  return sum
}
