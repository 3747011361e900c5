/** A job with an open file: what `sendFile` uses for each request. */
import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { Job, type OpenRange } from '#sluice/transfer/jobs/job.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { randomFile, sha256 } from '../support/contents.js'
import { stopClock } from '../support/eventually.js'
import { type Ending, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

test('what can be sent at once is sent without a promise', needsAddon, async t => {
  const { range, bytes } = source(t, 64 * KiB)
  const { socket, peer } = await socketPair(t)
  stopClock(t)
  const result = new Job(range, socket, {}).run()
  assert.ok(!(result instanceof Promise))
  assert.equal(result.bytes, bytes.length)
  assert.equal(sha256(await peer.take(bytes.length)), sha256(bytes))
})

test('what cannot is a promise of the same result', async t => {
  const { range, bytes } = source(t, 16 * MiB)
  const { socket, peer } = await socketPair(t, { reading: false })
  const result = new Job(range, socket, {}).run()
  assert.ok(result instanceof Promise)
  assert.equal(sha256(await peer.take(bytes.length)), sha256(bytes))
  assert.equal((await result).path, pathTaken('sendfile'))
})

test('a failure is a rejection, also where it comes at once', async t => {
  const { range } = source(t, 1)
  const { socket } = await socketPair(t)
  socket.destroy()
  await assert.rejects(async () => new Job(range, socket, {}).run(), {
    code: 'ERR_SLUICE_SOCKET_CLOSED',
    bytes: 0,
  })
})

test(
  'a popular small file is asked about once, a stranger by the same descriptor number again',
  needsAddon,
  async t => {
    // The files of earlier tests, whose inodes may be used again, are to be forgotten.
    stopClock(t)(1000)
    const { cachestat } = native!
    let asked = 0
    native!.cachestat = (fd, offset, length) => {
      asked++
      return cachestat(fd, offset, length)
    }
    t.after(() => {
      native!.cachestat = cachestat
    })
    const { socket } = await socketPair(t)
    const one = source(t, 64 * KiB)
    const other = source(t, 64 * KiB)
    for (const { range } of [one, one, one, other, other]) await new Job(range, socket, {}).run()
    assert.equal(asked, 2)
  },
)

function source(t: Ending, length: number): { range: OpenRange; bytes: Buffer } {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const fd = openSync(path, 'r')
  t.after(() => closeSync(fd))
  const { dev: device, ino: inode } = fstatSync(fd)
  return { range: { fd, start: 0, length, file: { device, inode } }, bytes }
}
