/** Copying to streams of every sort, and what ends it early. */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { KiB, MiB } from '#sluice/base/units.js'
import { copyFile } from '#sluice/transfer/paths/copy.js'
import { randomFile, sha256 } from '../../support/contents.js'
import { eventually, pause } from '../../support/eventually.js'
import type { Ending } from '../../support/sockets.js'
import { temporaryFolder } from '../../support/temporary.js'

const length = 2 * MiB + 77

test('a stream that hands its chunks on may read them at any time later', async t => {
  const { fd, bytes } = source(t)
  const through = new PassThrough({ highWaterMark: 64 * MiB })
  const { error, sentBytes } = await copyFile({ fd, start: 0, length }, through).done
  assert.equal(error, null)
  assert.equal(sentBytes, length)
  through.end()
  const chunks: Buffer[] = []
  for await (const chunk of through) chunks.push(chunk)
  assert.equal(sha256(Buffer.concat(chunks)), sha256(bytes))
})

test('a stream that is slow is waited for', async t => {
  const { fd, bytes } = source(t)
  const chunks: Buffer[] = []
  let waiting = 0
  const slow = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, callback) {
      chunks.push(chunk)
      assert.equal(++waiting, 1, 'one chunk at a time')
      setTimeout(() => {
        waiting--
        callback()
      }, 2)
    },
  })
  const seen: number[] = []
  const { error } = await copyFile({ fd, start: 0, length }, slow, sentBytes => seen.push(sentBytes)).done
  assert.equal(error, null)
  assert.equal(sha256(Buffer.concat(chunks)), sha256(bytes))
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  )
  assert.equal(seen.at(-1), length)
})

test('a stream that fails ends it with that failure, and one that closes with SOCKET_CLOSED', async t => {
  const { fd } = source(t)
  const failure = new Error('the stream is broken')
  const broken = new Writable({ write: (_chunk, _encoding, callback) => callback(failure) })
  const failed = await copyFile({ fd, start: 0, length }, broken).done
  assert.equal((failed.error as { code: string }).code, 'ERR_SLUICE_SOCKET_CLOSED')
  assert.equal((failed.error as Error).cause, failure)
  const stuck = new Writable({ write() {} })
  const run = copyFile({ fd, start: 0, length }, stuck)
  await pause(5)
  stuck.destroy()
  assert.equal(((await run.done).error as { code: string }).code, 'ERR_SLUICE_SOCKET_CLOSED')
  const destroyed = copyFile({ fd, start: 0, length }, stuck)
  assert.equal((await destroyed.done).sentBytes, 0)
})

test('a stream that has ended is not written to', async t => {
  const { fd } = source(t)
  const ended = new PassThrough()
  ended.end()
  const { error, sentBytes } = await copyFile({ fd, start: 0, length }, ended).done
  assert.equal((error as { code: string }).code, 'ERR_SLUICE_SOCKET_CLOSED')
  assert.equal(sentBytes, 0)
  assert.ok(!ended.destroyed)
})

test('an interruption ends it, counting what the stream took; it takes no more', async t => {
  const { fd } = source(t)
  let taken = 0
  const stuck = new Writable({
    highWaterMark: 1,
    write(chunk) {
      taken += chunk.length
    },
  })
  const run = copyFile({ fd, start: 0, length }, stuck)
  await eventually(
    () => taken > 0,
    () => 'nothing was written',
  )
  const reason = new Error('enough')
  run.interrupt(reason)
  run.interrupt(new Error('once more'))
  const { error, sentBytes } = await run.done
  assert.equal(error, reason)
  assert.equal(sentBytes, taken)
})

test('an interruption before the first byte sends nothing', async t => {
  const { fd } = source(t)
  const untouched = new Writable({ write: () => assert.fail('nothing may be written') })
  const run = copyFile({ fd, start: 0, length }, untouched)
  run.interrupt(new Error('enough'))
  assert.equal((await run.done).sentBytes, 0)
})

test('it leaves no listener behind', async t => {
  const { fd } = source(t)
  const sink = new PassThrough().resume()
  const before = sink.eventNames().map(name => [name, sink.listenerCount(name)])
  for (let count = 0; count < 20; count++) await copyFile({ fd, start: 0, length: 200 * KiB }, sink).done
  assert.deepEqual(
    sink.eventNames().map(name => [name, sink.listenerCount(name)]),
    before,
  )
})

test('an endless copy does not grow', async t => {
  const fd = openSync('/dev/zero', 'r')
  t.after(() => closeSync(fd))
  const sink = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, callback) => callback() })
  let pieces = 0
  let onPiece: (() => void) | null = null
  const run = copyFile({ fd, start: null, length: null }, sink, () => {
    pieces++
    onPiece?.()
  })
  const until = (count: number) =>
    new Promise<void>(resolve => {
      onPiece = () => {
        if (pieces >= count) resolve()
      }
    })
  await until(1000)
  const before = heapBytes()
  await until(10_000)
  const grown = heapBytes() - before
  run.interrupt(new Error('enough'))
  await run.done
  // One promise kept for each piece would be several MiB.
  assert.ok(grown < 1 * MiB, `it grew by ${grown} bytes`)
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

function source(t: Ending): { fd: number; bytes: Buffer } {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const fd = openSync(path, 'r')
  t.after(() => closeSync(fd))
  return { fd, bytes }
}
