/** Beyond 2 GiB, where one sendfile call ends, and beyond 4 GiB, where 32 bits do. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { GiB, KiB, MiB } from '#sluice/base/units.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { pathTaken } from '../support/addon.js'
import { sparseFile } from '../support/contents.js'
import { listener, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

/** What Linux moves at most in one call of sendfile or read, sendfile(2). */
const callBytesMax = 0x7ffff000

test('a file larger than one call of sendfile can move arrives whole', async t => {
  const length = callBytesMax + 5 * MiB + 3
  const path = sparseFile(temporaryFolder(t), 'sparse.bin', length, [{ at: length - 4, text: 'last' }])
  const server = await listener(t)
  const { port } = server.address() as { port: number }
  let received = 0
  let tail = ''
  const buffer = Buffer.alloc(1 * MiB)
  const peer = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer,
      callback(count) {
        received += count
        if (received > length - 4)
          tail += buffer.toString('latin1', Math.max(0, count - (received - length + 4)), count)
        return true
      },
    },
  })
  const [sink] = await once(server, 'connection')
  const result = await transfer(file(path), socket(sink))
  sink.end()
  await once(peer, 'close')
  assert.equal(result.bytes, length)
  assert.equal(result.path, pathTaken('sendfile'))
  assert.equal(received, length)
  assert.equal(tail, 'last')
})

for (const prefer of sendPathNames) {
  test(`${prefer}: ranges beyond 2 and 4 GiB`, async t => {
    const marks = [callBytesMax - 2, 4 * GiB - 2, 5 * GiB - 6].map((at, index) => ({
      at,
      text: `mark ${index}`,
    }))
    const path = sparseFile(temporaryFolder(t), 'sparse.bin', 5 * GiB, marks)
    const { socket: sink, peer } = await socketPair(t)
    const expected: Buffer[] = []
    for (const { at, text } of marks) {
      const before = 2 * MiB + 1 * KiB
      await transfer(file(path, { start: at - before, end: at + 5 }), socket(sink), { prefer })
      expected.push(Buffer.alloc(before), Buffer.from(text))
    }
    await assert.rejects(transfer(file(path, { start: 5 * GiB + 1 }), socket(sink), { prefer }), {
      code: 'ERR_SLUICE_RANGE',
    })
    sink.end()
    assert.ok((await peer.take()).equals(Buffer.concat(expected)))
  })
}
