/** The two ends of one pipe are no source and sink, and the end that is for reading is no sink. */
import assert from 'node:assert/strict'
import { readSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { socketPair } from '../support/sockets.js'
import { pipeEnds } from './error-scenes.js'

test('what is read from a pipe is not written back to it', needsAddon, async t => {
  const [reading, writing] = pipeEnds(t)
  const [otherReading, otherWriting] = pipeEnds(t)
  writeSync(writing, 'bytes')
  for (const prefer of ['splice', 'copy'] as const) {
    const sent = transfer(pipe(reading), pipe(writing), { prefer })
    await assert.rejects(sent, { code: 'ERR_SLUICE_OPTION', message: /ends of one pipe/ })
  }
  const seen = Buffer.alloc(5)
  assert.equal(readSync(reading, seen), 5)
  assert.equal(String(seen), 'bytes')
  // Two pipes are two, and a socket may answer with what it got.
  writeSync(writing, 'bytes')
  const controller = new AbortController()
  const onProgress = () => controller.abort()
  const sent = transfer(pipe(reading), pipe(otherWriting), { signal: controller.signal, onProgress })
  await assert.rejects(sent, { code: 'ERR_SLUICE_ABORTED', bytes: 5 })
  assert.equal(readSync(otherReading, seen), 5)
  const { socket: echo, peer } = await socketPair(t)
  peer.socket.end('echo')
  assert.equal((await transfer(socket(echo), socket(echo))).bytes, 4)
  assert.equal(String(await peer.take(4)), 'echo')
})

test(
  'vmsplice to the end that is for reading changes neither the memory nor the pipe',
  needsAddon,
  async t => {
    const [reading, writing] = pipeEnds(t)
    writeSync(writing, 'of others')
    const pool = new Pool({ slots: 1, slotBytes: 4 * KiB })
    t.after(() => pool.close())
    pool.region.bytes.fill(1)
    const sent = transfer(pool.tryTake()!, pipe(reading), { prefer: 'vmsplice' })
    await assert.rejects(sent, { code: 'ERR_SLUICE_SYSCALL', message: /EBADF.*sink for writing/ })
    assert.ok(pool.region.bytes.every(byte => byte === 1))
    assert.equal(pool.free, 1)
    const seen = Buffer.alloc(20)
    assert.equal(readSync(reading, seen), 9)
  },
)
