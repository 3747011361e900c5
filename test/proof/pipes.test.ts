/** Proof by counting: how many bytes from file to pipe pass through system calls that copy into the process or out of it? */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { without } from '../support/commands.js'
import { randomFile } from '../support/contents.js'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary.js'

const child = join(repository, 'build', 'dev', 'test', 'transfer', 'children', 'print.js')
const copyingCalls = 'read,readv,pread64,preadv,preadv2,write,writev,pwrite64,pwritev,pwritev2'
const fileBytes = 8 * MiB
const needs = native === null ? { skip: 'there is no addon' } : without('strace')

for (const path of ['sendfile', 'splice'] as const) {
  test(`${path} from file to pipe passes next to no byte through copying calls`, needs, t => {
    // Whether a byte is in memory is asked by reading it.
    assert.ok(copiedBytes(t, path) < 1000)
  })
}

test('the same measurement finds every byte, twice, when the path is copying', needs, t => {
  assert.equal(copiedBytes(t, 'copy'), 2 * fileBytes)
})

/** Bytes that calls on the file and on the pipe, which is the standard output, moved into the process and out of it. */
function copiedBytes(t: Parameters<typeof temporaryFolder>[0], path: string): number {
  const folder = temporaryFolder(t)
  const { path: from } = randomFile(folder, 'source.bin', fileBytes)
  const log = join(folder, 'strace.log')
  const command = 'log="$1"; calls="$2"; shift 2; strace -f -y -e "trace=$calls" -o "$log" "$@" | wc -c'
  const given = ['-c', command, 'sh', log, copyingCalls, process.execPath, child, from, path]
  const printed = execFileSync('sh', given, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  assert.equal(Number(printed), fileBytes)
  let sum = 0
  /** Threads whose call on one of the two was interrupted by another thread's line. */
  const unfinished = new Set<string>()
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [pid = ''] = line.split(' ')
    const isResumed = line.includes(' resumed>') && unfinished.delete(pid)
    if (!isResumed && !line.includes(`<${from}>`) && !/ writev?\(1</.test(line)) continue
    if (line.endsWith('<unfinished ...>')) unfinished.add(pid)
    else sum += Number(/\) += (\d+)$/.exec(line)?.[1] ?? 0)
  }
  return sum
}
