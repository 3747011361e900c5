/** Proof by counting, of one source and one sink: how many bytes pass through system calls that copy? */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { run } from '../support/command.js'
import { without } from '../support/commands.js'
import { randomFile, sha256 } from '../support/contents.js'
import { temporaryFolder } from '../support/temporary.js'
import { countCopied } from './counting.js'

const child = fileURLToPath(new URL('children/one-way.js', import.meta.url))
const length = 16 * MiB
const needs = native === null ? { skip: 'there is no addon' } : without('strace')

for (const [from, to, paths] of [
  ['file', 'connection', ['sendfile', 'splice']],
  ['connection', 'connection', ['splice']],
  ['connection', 'file', ['splice']],
] as const) {
  for (const path of paths) {
    test(`${path} from ${from} to ${to} passes less than 0.1 % through copying calls`, needs, async t => {
      assert.ok((await copiedShare(t, from, to, path)) < 0.001)
    })
  }

  test(`from ${from} to ${to} the same measurement finds every byte, twice, of a copy`, needs, async t => {
    assert.ok((await copiedShare(t, from, to, 'copy')) > 1.9)
  })
}

type End = 'file' | 'connection'

/** Bytes that the child's copying calls moved, as a share of the bytes of the source. */
async function copiedShare(t: TestContext, from: End, to: End, path: PathName): Promise<number> {
  const folder = temporaryFolder(t)
  const { path: name, bytes } = randomFile(folder, 'source.bin', length)
  const sink = join(folder, 'sink.bin')
  const connections: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, connection => connections.push(connection))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ends = [from === 'file' ? name : from, to === 'file' ? sink : to]
  const moving = run(process.execPath, [child, String(port), ...ends, path])
  t.after(() => {
    moving.process.kill('SIGKILL')
    server.close()
    for (const connection of connections) connection.destroy()
  })
  await moving.line(/ready/)
  const copied = await countCopied(moving, join(folder, 'strace.log'))
  const chunks: Buffer[] = []
  connections[1]!.on('data', chunk => chunks.push(chunk))
  const ended = once(connections[1]!, 'end')
  moving.process.kill('SIGUSR2')
  await moving.line(/moving/)
  if (from === 'connection') connections[0]!.end(bytes)
  await moving.line(new RegExp(`done ${path} ${length}`))
  const moved = await copied()
  await ended
  assert.equal(sha256(to === 'file' ? readFileSync(sink) : Buffer.concat(chunks)), sha256(bytes))
  return moved / length
}
