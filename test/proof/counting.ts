/** Counting what a process moves through system calls that copy, once it is running: loading it reads files, too. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type Running, run } from '../support/command.js'
import { eventually } from '../support/eventually.js'

const copyingCalls =
  'read,readv,pread64,preadv,preadv2,recvfrom,recvmsg,recvmmsg,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg'

/** Begins to count → how many bytes it were, once the process has ended. */
export async function countCopied(process: Running, log: string): Promise<() => Promise<number>> {
  const strace = run('strace', ['-f', '-p', String(process.pid), '-e', `trace=${copyingCalls}`, '-o', log])
  await eventually(
    () => /attached/.test(strace.output().stderr) || strace.process.exitCode !== null,
    () => 'strace did not attach',
  )
  assert.equal(strace.process.exitCode, null, strace.output().stderr)
  return async () => {
    await process.finished()
    await strace.finished()
    let moved = 0
    for (const match of readFileSync(log, 'utf8').matchAll(/ = (\d+)(?: |$)/gm)) moved += Number(match[1])
    return moved
  }
}
