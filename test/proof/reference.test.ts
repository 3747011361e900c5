/**
 * Proof by changed source: the file's bytes are changed after the transfer has ended and before the peer reads. A
 * peer that gets the new bytes got references to the file's pages; a peer that gets the old ones got a copy.
 */
import assert from 'node:assert/strict'
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Region } from '#sluice/memory/region.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { openFifo } from '../support/fifo.js'
import { temporaryFolder } from '../support/temporary.js'

const bytes = 32 * 1024

for (const kind of ['TCP', 'Unix'] as const) {
  for (const wanted of ['sendfile', 'splice'] as const) {
    test(`${wanted} to a ${kind} socket sends the pages themselves`, needsAddon, async t => {
      const { path, received } = await changeInFlight(t, kind, wanted)
      assert.equal(path, wanted)
      assert.equal(received, 'new')
    })
  }

  test(`copying to a ${kind} socket sends what the file was`, async t => {
    const { path, received } = await changeInFlight(t, kind, 'copy')
    assert.equal(path, 'copy')
    assert.equal(received, 'old')
  })
}

for (const wanted of ['sendfile', 'splice'] as const) {
  test(`${wanted} to a pipe hands over the pages themselves`, needsAddon, async t => {
    const { path, received } = await changeInPipe(t, wanted)
    assert.equal(path, wanted)
    assert.equal(received, 'new')
  })
}

test('copying to a pipe hands over what the file was', needsAddon, async t => {
  const { path, received } = await changeInPipe(t, 'copy')
  assert.equal(path, 'copy')
  assert.equal(received, 'old')
})

for (const kind of ['TCP', 'Unix'] as const) {
  for (const [wanted, version] of [
    ['vmsplice', 'new'],
    ['sendfile', 'new'],
    ['writev', 'old'],
    ['copy', 'old'],
  ] as const) {
    test(
      `${wanted} of a region to a ${kind} socket: what is changed later arrives ${version}`,
      needsAddon,
      async t => {
        const region = new Region({ bytes })
        t.after(() => region.close())
        region.bytes.fill('A'.charCodeAt(0))
        const [near, far, server] = await pair(kind, join(temporaryFolder(t), 'socket'))
        t.after(() => {
          near.destroy()
          far.destroy()
          server.close()
        })
        const { path } = await transfer(memory(region, { stable: true }), socket(near), { prefer: wanted })
        assert.equal(path, wanted)
        region.bytes.fill('B'.charCodeAt(0))
        assert.equal(versionOf(await readBytes(far, bytes)), version)
      },
    )
  }
}

async function changeInPipe(
  t: Parameters<typeof temporaryFolder>[0],
  prefer: PathName,
): Promise<{ path: PathName; received: 'old' | 'new' }> {
  const name = join(temporaryFolder(t), 'file.bin')
  writeFileSync(name, Buffer.alloc(bytes, 'A'))
  const { fd, reader } = openFifo(t, { reading: false })
  const { path } = await transfer(file(name), pipe(fd), { prefer })
  overwrite(name)
  return { path, received: versionOf(await reader.take(bytes)) }
}

async function changeInFlight(
  t: Parameters<typeof temporaryFolder>[0],
  kind: 'TCP' | 'Unix',
  prefer: PathName,
): Promise<{ path: PathName; received: 'old' | 'new' }> {
  const folder = temporaryFolder(t)
  const name = join(folder, 'file.bin')
  writeFileSync(name, Buffer.alloc(bytes, 'A'))
  const [near, far, server] = await pair(kind, join(folder, 'socket'))
  t.after(() => {
    near.destroy()
    far.destroy()
    server.close()
  })
  const { path } = await transfer(file(name), socket(near), { prefer })
  overwrite(name)
  return { path, received: versionOf(await readBytes(far, bytes)) }
}

function overwrite(name: string): void {
  const fd = openSync(name, 'r+')
  writeSync(fd, Buffer.alloc(bytes, 'B'), 0, bytes, 0)
  closeSync(fd)
}

function versionOf(got: Buffer): 'old' | 'new' {
  assert.ok(
    got.every(byte => byte === got[0]),
    'all old or all new',
  )
  return String.fromCharCode(got[0]!) === 'B' ? 'new' : 'old'
}

/** Two ends of a connection; nothing reads the far one until it is asked to. */
async function pair(kind: 'TCP' | 'Unix', path: string): Promise<[Socket, Socket, Server]> {
  const server = createServer({ pauseOnConnect: true })
  const accepted = new Promise<Socket>(resolve => server.once('connection', resolve))
  await new Promise<void>(resolve =>
    kind === 'TCP' ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  )
  const address = server.address()
  const near = typeof address === 'string' ? connect(address) : connect(address!.port, '127.0.0.1')
  return [near, await accepted, server]
}

function readBytes(from: Socket, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let left = count
    from.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      left -= chunk.length
      if (left === 0) resolve(Buffer.concat(chunks))
    })
    from.on('error', reject)
    from.resume()
  })
}
