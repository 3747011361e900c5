/** What the world does to a transfer in flight: each fault has one outcome, and what was sent is accounted for. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { appendFileSync, closeSync, openSync, truncateSync } from 'node:fs'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { Job, type TransferOptions } from '#sluice/transfer/jobs/job.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { randomFile, sha256 } from '../support/contents.js'
import { pause } from '../support/eventually.js'
import { type Ending, type Peer, type SocketKind, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

/** More than any socket holds. */
const length = 16 * MiB

for (const prefer of sendPathNames) {
  for (const kind of ['TCP', 'Unix'] as const) {
    const suite = `${prefer} to a ${kind} socket`

    test(`${suite}: a peer that stops reading holds up nothing but its own transfer`, async t => {
      const { sink, peer, sent, bytes } = await stalled(t, kind, { prefer })
      let turns = 0
      const timer = setInterval(() => turns++, 1)
      while (turns < 20) await pause(1)
      clearInterval(timer)
      assert.ok(sink.writable)
      assert.equal(sha256(await peer.take(length)), sha256(bytes))
      assert.equal((await sent).bytes, length)
    })

    test(`${suite}: a socket that is destroyed here ends it, with the bytes so far`, async t => {
      const { sink, sent } = await stalled(t, kind, { prefer })
      sink.destroy()
      const error = await rejection(sent)
      assert.equal(error.code, 'ERR_SLUICE_SOCKET_CLOSED')
      assert.ok(error.bytes > 0 && error.bytes < length)
    })

    test(`${suite}: a socket that is ended here takes no more`, async t => {
      const { sink, peer, sent } = await stalled(t, kind, { prefer })
      sink.end()
      const received = peer.take()
      const error = await rejection(sent)
      assert.equal(error.code, 'ERR_SLUICE_SOCKET_CLOSED')
      assert.equal((await received).length, error.bytes)
      assert.equal(sink.errored, null, 'the socket itself is in order')
    })

    test(`${suite}: an abort ends it at once, and the socket stays usable`, async t => {
      const controller = new AbortController()
      const { sink, peer, sent, bytes } = await stalled(t, kind, { prefer, signal: controller.signal })
      controller.abort(new Error('the reason'))
      const error = await rejection(sent)
      assert.equal(error.code, 'ERR_SLUICE_ABORTED')
      assert.equal(error.name, 'AbortError')
      assert.equal((error.cause as Error).message, 'the reason')
      sink.end('after')
      const received = await peer.take()
      assert.equal(received.length, error.bytes + 5)
      assert.equal(sha256(received.subarray(0, -5)), sha256(bytes.subarray(0, error.bytes)))
      assert.equal(received.subarray(-5).toString(), 'after')
    })

    test(`${suite}: a deadline ends it while the peer reads slowly`, async t => {
      const { sent } = await stalled(t, kind, { prefer, deadlineMs: 300 })
      const error = await rejection(sent)
      assert.equal(error.code, 'ERR_SLUICE_DEADLINE')
      assert.match(error.message, /300 ms/)
      assert.ok(error.bytes > 0 && error.bytes < length)
    })

    test(`${suite}: a file that shrinks fails it; nothing is padded, and every byte sent is counted`, async t => {
      const { sink, peer, sent, bytes, path } = await stalled(t, kind, { prefer })
      truncateSync(path, 8 * MiB)
      const received = peer.take(8 * MiB)
      const error = await rejection(sent)
      assert.equal(error.code, 'ERR_SLUICE_FILE_SHRANK')
      assert.equal(error.bytes, 8 * MiB)
      await received
      sink.end()
      assert.equal(sha256(await peer.take()), sha256(bytes.subarray(0, 8 * MiB)))
    })

    test(`${suite}: what is appended to a file meanwhile is not sent`, async t => {
      const { sink, peer, sent, bytes, path } = await stalled(t, kind, { prefer })
      appendFileSync(path, Buffer.alloc(1 * MiB))
      await peer.take(length)
      assert.equal((await sent).bytes, length)
      sink.end()
      assert.equal(sha256(await peer.take()), sha256(bytes))
    })

    test(`${suite}: what onProgress throws ends it`, async t => {
      const { path } = randomFile(temporaryFolder(t), 'file.bin', length)
      const { socket: sink, peer } = await socketPair(t, { kind })
      const failure = new Error('enough')
      const seen: number[] = []
      const onProgress = (sentBytes: number) => {
        seen.push(sentBytes)
        if (seen.length === 3) throw failure
      }
      await assert.rejects(transfer(file(path), socket(sink), { prefer, onProgress }), failure)
      assert.equal(seen.length, 3)
      assert.ok(seen[0]! < seen[1]! && seen[1]! < seen[2]!)
      sink.end()
      assert.ok((await peer.take()).length >= seen[2]!)
    })
  }

  test(`${prefer}: a peer that resets the connection is named as the cause`, async t => {
    const { peer, sent } = await stalled(t, 'TCP', { prefer })
    peer.socket.resetAndDestroy()
    const error = await rejection(sent)
    assert.equal(error.code, 'ERR_SLUICE_PEER_CLOSED')
    assert.match(error.message, /ECONNRESET|EPIPE/)
    assert.ok(error.bytes > 0 && error.bytes < length)
  })

  test(`${prefer}: a peer that ends the connection is named as the cause`, async t => {
    const { sink, peer, sent } = await stalled(t, 'TCP', { prefer })
    sink.resume()
    peer.socket.end()
    await once(sink, 'end')
    peer.take()
    assert.equal((await rejection(sent)).code, 'ERR_SLUICE_PEER_CLOSED')
  })

  test(`${prefer}: progress rises to the whole`, async t => {
    const { path } = randomFile(temporaryFolder(t), 'file.bin', 3 * MiB + 1)
    const { socket: sink } = await socketPair(t)
    const seen: number[] = [0]
    await transfer(file(path), socket(sink), { prefer, onProgress: sentBytes => seen.push(sentBytes) })
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => a - b),
    )
    assert.equal(seen.at(-1), 3 * MiB + 1)
  })

  test(`${prefer}: an abort from within onProgress`, async t => {
    const { path } = randomFile(temporaryFolder(t), 'file.bin', 8 * MiB)
    const { socket: sink, peer } = await socketPair(t)
    const controller = new AbortController()
    const onProgress = () => controller.abort()
    const sent = transfer(file(path), socket(sink), { prefer, onProgress, signal: controller.signal })
    assert.equal((await rejection(sent)).code, 'ERR_SLUICE_ABORTED')
    sink.end()
    assert.ok((await peer.take()).length < 8 * MiB)
  })

  test(`${prefer}: an abort before it begins opens nothing, one after its end changes nothing`, async t => {
    const { socket: sink } = await socketPair(t)
    const before = transfer(file('/missing'), socket(sink), { prefer, signal: AbortSignal.abort() })
    assert.equal((await rejection(before)).code, 'ERR_SLUICE_ABORTED')
    const { path } = randomFile(temporaryFolder(t), 'file.bin', 10)
    const controller = new AbortController()
    const result = await transfer(file(path), socket(sink), { prefer, signal: controller.signal })
    controller.abort()
    assert.equal(result.bytes, 10)
  })

  test(`${prefer}: a socket that was closed or ended before takes nothing, and stays as it is`, async t => {
    const { path } = randomFile(temporaryFolder(t), 'file.bin', 10)
    const destroyed = await socketPair(t)
    destroyed.socket.destroy()
    const toDestroyed = transfer(file(path), socket(destroyed.socket), { prefer })
    assert.equal((await rejection(toDestroyed)).code, 'ERR_SLUICE_SOCKET_CLOSED')
    const { socket: ended, peer } = await socketPair(t, { reading: false })
    const last = Buffer.alloc(length, 'x')
    ended.end(last)
    const toEnded = transfer(file(path), socket(ended), { prefer })
    assert.equal((await rejection(toEnded)).code, 'ERR_SLUICE_SOCKET_CLOSED')
    assert.equal((await peer.take()).length, last.length, 'what it had to send still goes out')
  })

  test(`${prefer}: a file that shrank to nothing before the first byte`, async t => {
    const { path } = randomFile(temporaryFolder(t), 'file.bin', 300 * KiB)
    const fd = openSync(path, 'r')
    t.after(() => closeSync(fd))
    const { socket: sink } = await socketPair(t)
    truncateSync(path)
    const job = new Job({ fd, start: 0, length: 300 * KiB }, sink, { prefer })
    const error = await rejection((async () => job.run())())
    assert.equal(error.code, 'ERR_SLUICE_FILE_SHRANK')
    assert.equal(error.bytes, 0)
  })
}

test('options that cannot be are refused before anything is opened', async t => {
  const { socket: sink } = await socketPair(t)
  const wrong = [
    { deadlineMs: 0 },
    { deadlineMs: 1.5 },
    { deadlineMs: 2 ** 31 },
    { deadlineMs: '1' },
    { prefer: 'fast' },
    { onProgress: 'tell me' },
    { signal: {} },
  ]
  for (const options of wrong) {
    const error = await rejection(transfer(file('/missing'), socket(sink), options as TransferOptions))
    assert.equal(error.code, 'ERR_SLUICE_OPTION', JSON.stringify(options))
  }
})

interface Stalled {
  readonly sink: Socket
  readonly peer: Peer
  readonly sent: ReturnType<typeof transfer>
  readonly path: string
  readonly bytes: Buffer
}

/** A transfer that has sent what the socket takes, to a peer that does not read. */
async function stalled(t: Ending, kind: SocketKind, options: TransferOptions): Promise<Stalled> {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const { socket: sink, peer } = await socketPair(t, { kind, reading: false })
  // A server's own listener, without which a reset would end the process.
  sink.on('error', () => {})
  let progress = 0
  const sent = transfer(file(path), socket(sink), {
    ...options,
    onProgress: sentBytes => {
      progress = sentBytes
    },
  })
  sent.catch(() => {})
  // Long enough without progress, after some.
  for (let quiet = 0, before = 0; progress === 0 || quiet < 10; quiet++) {
    if (progress !== before) quiet = 0
    before = progress
    await pause(1)
  }
  return { sink, peer, sent, path, bytes }
}

function rejection(promise: Promise<unknown>): Promise<Error & { code: string; bytes: number }> {
  return promise.then(
    () => assert.fail('it did not fail'),
    error => error,
  )
}
