/** Proof that bytes reach several sinks by reference: by counting copying calls, and by changing the source late. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { file, socket, transfer } from '#sluice/index.js'
import { native } from '#sluice/native/load.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { needsAddon } from '../support/addon.js'
import { run } from '../support/command.js'
import { without } from '../support/commands.js'
import { sha256 } from '../support/contents.js'
import { repository } from '../support/repository.js'
import { socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { countCopied } from './counting.js'

const child = join(repository, 'build', 'dev', 'test', 'proof', 'children', 'several.js')
const length = 16 * 1024 * 1024
const needs = native === null ? { skip: 'there is no addon' } : without('strace')

for (const kind of ['TCP', 'Unix'] as const) {
  test(`tee to two ${kind} sockets sends the pages of the file themselves`, needsAddon, async t => {
    const name = join(temporaryFolder(t), 'file.bin')
    const bytes = 32 * 1024
    writeFileSync(name, Buffer.alloc(bytes, 'A'))
    const first = await socketPair(t, { kind, reading: false })
    const second = await socketPair(t, { kind, reading: false })
    const { path, copied } = await transfer(file(name), [socket(first.socket), socket(second.socket)])
    assert.equal(path, 'tee')
    assert.equal(copied, 0)
    const fd = openSync(name, 'r+')
    writeSync(fd, Buffer.alloc(bytes, 'B'), 0, bytes, 0)
    closeSync(fd)
    for (const { peer } of [first, second])
      assert.ok((await peer.take(bytes)).equals(Buffer.alloc(bytes, 'B')), 'the peer sees the new bytes')
  })
}

test(
  'tee from a socket to two sockets and a file passes less than 0.1 % through copying calls',
  needs,
  async t => {
    assert.ok((await copiedShare(t, 'tee')) < 0.001)
  },
)

test('the same measurement finds every byte, four times, when the path is copying', needs, async t => {
  assert.ok((await copiedShare(t, 'copy')) > 3.9)
})

/** Bytes that the child's copying calls moved, as a share of the bytes of the source. */
async function copiedShare(t: TestContext, path: PathName): Promise<number> {
  const folder = temporaryFolder(t)
  const name = join(folder, 'copy.bin')
  const server = createServer()
  const connections: Socket[] = []
  server.on('connection', connection => connections.push(connection))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const passing = run(process.execPath, [child, String(port), name, path])
  t.after(() => {
    passing.process.kill('SIGKILL')
    server.close()
    for (const connection of connections) connection.destroy()
  })
  await passing.line(/ready/)
  const copied = await countCopied(passing, join(folder, 'strace.log'))
  const bytes = randomBytes(length)
  const received = connections.slice(1).map(collect)
  connections[0]!.end(bytes)
  await passing.line(new RegExp(`done ${path} ${length}`))
  for (const got of await Promise.all(received)) assert.equal(sha256(got), sha256(bytes))
  assert.equal(sha256(readFileSync(name)), sha256(bytes))
  return (await copied()) / length
}

async function collect(from: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of from) chunks.push(chunk)
  return Buffer.concat(chunks)
}
