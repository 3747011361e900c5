/** Writable streams that are no plain socket are copied to, and get every byte. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { createGunzip, createGzip } from 'node:zlib'
import { MiB } from '#sluice/base/units.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { TransferResult } from '#sluice/transfer/jobs/job.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { randomFile, sha256 } from '../support/contents.js'
import { httpServer } from '../support/raw-http.js'
import { temporaryFolder } from '../support/temporary.js'

const length = 3 * MiB + 1

test('a compressor', async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const sink = createGzip({ level: 1 })
  const received = collect(sink.pipe(createGunzip()))
  assertCopied(await transfer(file(path), socket(sink)))
  sink.end()
  assert.equal(sha256(await received), sha256(bytes))
})

test('a file', async t => {
  const folder = temporaryFolder(t)
  const { path, bytes } = randomFile(folder, 'file.bin', length)
  const sink = createWriteStream(join(folder, 'copy.bin'))
  assertCopied(await transfer(file(path), socket(sink)))
  sink.end()
  await once(sink, 'close')
  assert.equal(sha256(readFileSync(join(folder, 'copy.bin'))), sha256(bytes))
})

test('a request that uploads', async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const server = await httpServer(t, async (req, res) => res.end(sha256(await collect(req))))
  const { port } = server.address() as AddressInfo
  const sink = http.request({ port, host: '127.0.0.1', method: 'PUT', agent: false })
  assertCopied(await transfer(file(path), socket(sink)))
  sink.end()
  const [response] = await once(sink, 'response')
  assert.equal((await collect(response)).toString(), sha256(bytes))
})

test('a response of HTTP/2', async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const results: TransferResult[] = []
  const server = http2.createServer(async (_req, res) => {
    results.push(await transfer(file(path), socket(res)))
    res.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.after(() => client.close())
  assert.equal(sha256(await collect(client.request({ ':path': '/' }))), sha256(bytes))
  assertCopied(results[0]!)
})

function assertCopied({ path, bytes, copied, why }: TransferResult): void {
  assert.equal(path, 'copy')
  assert.deepEqual({ bytes, copied }, { bytes: length, copied: length })
  assert.match(why, /without a socket|there is no addon/)
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
