/** Proof by counting: how many bytes does the server move through system calls that copy? */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { type Running, run, serve } from '../support/command.js'
import { without } from '../support/commands.js'
import { temporaryFolder } from '../support/temporary.js'

const copyingCalls =
  'read,readv,pread64,preadv,preadv2,recvfrom,recvmsg,recvmmsg,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg'
const fileBytes = 16 * MiB
const downloads = 8
const needs = native === null ? { skip: 'there is no addon' } : without('strace')

test('serving by sendfile passes less than 0.1 % of the bytes through copying calls', needs, async t => {
  assert.ok((await copiedShare(t, 'auto')) < 0.001)
})

test('the same measurement finds every byte, twice, when the path is forced to copy', needs, async t => {
  assert.ok((await copiedShare(t, 'copy')) > 1.9)
})

/** Bytes that the server's copying calls moved, as a share of the bytes delivered. */
async function copiedShare(t: Parameters<typeof temporaryFolder>[0], engine: string): Promise<number> {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'file.bin'), randomFillSync(Buffer.allocUnsafe(fileBytes)))
  const server = await serve([folder, '--engine', engine])
  const log = join(folder, '..', `${server.pid}.strace`)
  // Attached after start-up: loading the program reads files too, which is not what is measured.
  const strace = run('strace', ['-f', '-p', String(server.pid), '-e', `trace=${copyingCalls}`, '-o', log])
  t.after(() => server.stop('SIGKILL'))
  await attached(strace)
  let delivered = 0
  for (let count = 0; count < downloads; count++) delivered += await download(`${server.origin}/file.bin`)
  await strace.stop('SIGINT')
  await server.stop()
  assert.equal(delivered, downloads * fileBytes)
  return movedBytes(readFileSync(log, 'utf8')) / delivered
}

async function attached(strace: Running): Promise<void> {
  while (!/attached/.test(strace.output().stderr)) {
    if (strace.process.exitCode !== null) throw new Error(`strace: ${strace.output().stderr}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** The sum of the results of all calls in strace's log. */
function movedBytes(log: string): number {
  let sum = 0
  for (const match of log.matchAll(/ = (\d+)(?: |$)/gm)) sum += Number(match[1])
  return sum
}

function download(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    http
      .get(url, { agent: false }, response => {
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        response.on('end', () => resolve(bytes))
        response.on('error', reject)
      })
      .on('error', reject)
  })
}
