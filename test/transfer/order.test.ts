/** What is sent to one sink arrives in the order in which it was asked for, never mixed. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { file, type SinkTarget, socket } from '#sluice/transfer/ends/endpoints.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { randomFile, sha256 } from '../support/contents.js'
import { listener, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

for (const prefer of sendPathNames) {
  test(`${prefer}: what was written before goes first, what is written after the transfer follows`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 3 * MiB)
    const { socket: sink, peer } = await socketPair(t)
    const before = Buffer.alloc(2 * MiB, 'b')
    sink.write(before)
    sink.write('mark')
    await transfer(file(path), socket(sink), { prefer })
    sink.end('after')
    const expected = Buffer.concat([before, Buffer.from('mark'), bytes, Buffer.from('after')])
    assert.equal(sha256(await peer.take()), sha256(expected))
  })

  test(`${prefer}: what a callback of an earlier write writes is not cut in two`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 1 * MiB)
    const { socket: sink, peer } = await socketPair(t, { reading: false })
    const first = Buffer.alloc(8 * MiB, '1')
    const second = Buffer.alloc(8 * MiB, '2')
    sink.write(first, () => sink.write(second))
    const sent = transfer(file(path), socket(sink), { prefer })
    const received = await peer.take(first.length + second.length + bytes.length)
    await sent
    const at = received.indexOf(second)
    const rest = Buffer.concat([received.subarray(0, at), received.subarray(at + second.length)])
    assert.equal(sha256(rest), sha256(Buffer.concat([first, bytes])))
  })

  test(`${prefer}: transfers to one socket go in the order of their calls`, async t => {
    const folder = temporaryFolder(t)
    const sizes = [3 * MiB, 1, 200 * KiB, 0, 5000]
    const files = sizes.map((size, index) => randomFile(folder, `${index}.bin`, size))
    const { socket: sink, peer } = await socketPair(t)
    for (let round = 0; round < 20; round++) {
      const results = await Promise.all(
        files.map(({ path }) => transfer(file(path), socket(sink), { prefer })),
      )
      assert.deepEqual(
        results.map(({ bytes }) => bytes),
        sizes,
      )
    }
    sink.end()
    const expected = Array.from({ length: 20 }, () => files.map(({ bytes }) => bytes)).flat()
    assert.equal(sha256(await peer.take()), sha256(Buffer.concat(expected)))
  })

  test(`${prefer}: transfers to one descriptor go in the order of their calls`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 2 * MiB)
    const { socket: sink, peer } = await socketPair(t)
    const to = socket(descriptorOf(sink))
    await Promise.all(Array.from({ length: 5 }, () => transfer(file(path), to, { prefer })))
    sink.end()
    assert.equal(sha256(await peer.take()), sha256(Buffer.concat(Array(5).fill(bytes))))
  })

  test(`${prefer}: one that fails or is aborted while it waits does not hold up the next`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 6 * MiB)
    const { socket: sink, peer } = await socketPair(t, { reading: false })
    const first = transfer(file(path), socket(sink), { prefer })
    const missing = transfer(file(`${path}.missing`), socket(sink), { prefer })
    const late = transfer(file(path), socket(sink), { prefer, deadlineMs: 20 })
    const last = transfer(file(path), socket(sink), { prefer })
    await assert.rejects(missing, { code: 'ERR_SLUICE_FILE' })
    await assert.rejects(late, { code: 'ERR_SLUICE_DEADLINE', bytes: 0 })
    await peer.take(2 * bytes.length)
    assert.equal((await first).bytes, bytes.length)
    assert.equal((await last).bytes, bytes.length)
    sink.end()
    assert.equal(sha256(await peer.take()), sha256(Buffer.concat([bytes, bytes])))
  })

  test(`${prefer}: a socket that is still connecting is waited for`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 300 * KiB)
    const server = await listener(t)
    const received = new Promise<Buffer>(resolve => {
      server.on('connection', accepted => {
        const chunks: Buffer[] = []
        accepted.on('data', chunk => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)))
      })
    })
    const { port } = server.address() as { port: number }
    const sink = connect(port, '127.0.0.1')
    t.after(() => sink.destroy())
    assert.equal((await transfer(file(path), socket(sink), { prefer })).bytes, bytes.length)
    sink.end()
    assert.equal(sha256(await received), sha256(bytes))
  })
}

test('a thousand transfers at once to one socket neither mix nor warn', async t => {
  const folder = temporaryFolder(t)
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const { signal } = new AbortController()
  const { socket: sink, peer } = await socketPair(t)
  const names = Array.from({ length: 1000 }, (_, index) => {
    const name = join(folder, String(index))
    writeFileSync(name, `${index} `)
    return name
  })
  const to = socket(sink as SinkTarget)
  await Promise.all(
    names.map((name, index) => transfer(file(name), to, { prefer: sendPathNames[index % 2], signal })),
  )
  sink.end()
  assert.equal((await peer.take()).toString(), names.map((_, index) => `${index} `).join(''))
  assert.deepEqual(warnings, [])
  assert.equal(sink.listenerCount('close') + sink.listenerCount('error'), 0)
})
