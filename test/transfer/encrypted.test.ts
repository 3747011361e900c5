/** TLS: the bytes are encrypted in user space, so they are copied, and the result says so. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import tls from 'node:tls'
import { MiB } from '#sluice/base/units.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { TransferResult } from '#sluice/transfer/jobs/job.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { without } from '../support/commands.js'
import { randomFile, sha256 } from '../support/contents.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const length = 3 * MiB + 7
const needs = without('openssl')

test('to a TLS socket', needs, async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const server = tls.createServer(certificate(t)).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'secureConnection')
  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  t.after(() => client.destroy())
  const [sink] = await accepted
  t.after(() => sink.destroy())
  const received = collect(client)
  const result = await transfer(file(path), socket(sink))
  sink.end()
  assertCopied(result)
  assert.equal(sha256(await received), sha256(bytes))
})

test('to responses over TLS, also in a pipeline', needs, async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const results: Promise<TransferResult>[] = []
  const server = https.createServer(certificate(t), (_req, res) => {
    results.push(transfer(file(path), socket(res)))
  })
  server.listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  t.after(() => client.destroy())
  const request = 'GET / HTTP/1.1\r\nHost: test\r\n'
  client.write(`${request}\r\n${request}Connection: close\r\n\r\n`)
  const received = await collect(client)
  for (const result of await Promise.all(results)) assertCopied(result)
  const [first, second] = [received.indexOf('\r\n\r\n') + 4, received.lastIndexOf('\r\n\r\n') + 4]
  assert.equal(sha256(received.subarray(first, first + length)), sha256(bytes))
  assert.equal(sha256(received.subarray(second)), sha256(bytes))
})

function assertCopied({ path, copied, why }: TransferResult): void {
  assert.equal(path, 'copy')
  assert.equal(copied, length)
  assert.match(why, /TLS|there is no addon/)
}

async function collect(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** A key and a certificate that it signed itself. */
function certificate(t: Ending): { key: Buffer; cert: Buffer } {
  const folder = temporaryFolder(t)
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const kind = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=localhost',
  ]
  execFileSync('openssl', ['req', '-x509', '-days', '1', ...kind, '-keyout', key, '-out', cert], {
    stdio: 'pipe',
  })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}
