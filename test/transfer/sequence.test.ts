/** Lists as a source: the parts arrive in their order, as one transfer, whatever they are and wherever they go. */
import assert from 'node:assert/strict'
import { openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import type { SinkLike, SourceLike } from '#sluice/transfer/ends/ends.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import type { TransferOptions, TransferResult } from '#sluice/transfer/jobs/job.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { randomFile, sha256 } from '../support/contents.js'
import { openFifo } from '../support/fifo.js'
import { httpServer, RawClient } from '../support/raw-http.js'
import { refuseSplice } from '../support/refuse-splice.js'
import { type Ending, type Peer, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const header = Buffer.from('the header, which is small\n')
const trailer = Buffer.from('the trailer\n')

/** What a list goes to, and what comes out there: everything, once the sink was ended. */
interface Outlet {
  readonly sink: SinkLike
  received(): Promise<Buffer>
}

const outlets: Record<string, (t: Ending) => Promise<Outlet>> = {
  async 'a TCP socket'(t) {
    const { socket: sink, peer } = await socketPair(t)
    return { sink, received: () => endOf(sink, peer) }
  },
  async 'a Unix socket'(t) {
    const { socket: sink, peer } = await socketPair(t, { kind: 'Unix' })
    return { sink, received: () => endOf(sink, peer) }
  },
  async 'a descriptor'(t) {
    const { socket: sink, peer } = await socketPair(t)
    return { sink: socket(descriptorOf(sink)), received: () => endOf(sink, peer) }
  },
  async 'a pipe'(t) {
    const { fd, reader, end } = openFifo(t)
    const received = (): Promise<Buffer> => {
      end()
      return reader.take()
    }
    return { sink: pipe(fd), received }
  },
  async 'any stream'() {
    const sink = new PassThrough()
    const chunks: Buffer[] = []
    sink.on('data', chunk => chunks.push(chunk))
    return { sink, received: async () => Buffer.concat(chunks) }
  },
  async 'a file'(t) {
    const path = join(temporaryFolder(t), 'sink.bin')
    writeFileSync(path, 'what was there before, and is longer than nothing')
    return { sink: file(path), received: async () => readFileSync(path) }
  },
  async 'a file from a byte on'(t) {
    const path = join(temporaryFolder(t), 'sink.bin')
    writeFileSync(path, 'before')
    return {
      sink: file(path, { flags: 'r+', start: 6 }),
      received: async () => readFileSync(path).subarray(6),
    }
  },
  async 'the end of a file'(t) {
    const path = join(temporaryFolder(t), 'sink.bin')
    writeFileSync(path, 'before')
    return { sink: file(path, { flags: 'a' }), received: async () => readFileSync(path).subarray(6) }
  },
}

for (const [name, open] of Object.entries(outlets)) {
  for (const prefer of [undefined, ...sendPathNames]) {
    test(`header, file range and trailer to ${name}${prefer ? `, preferring ${prefer}` : ''}`, async t => {
      const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 3 * MiB + 17)
      const { sink, received } = await open(t)
      const seen: number[] = []
      const options = { prefer, onProgress: (sentBytes: number) => void seen.push(sentBytes) }
      const result = await transfer([header, file(path, { start: 5 }), trailer], sink, options)
      const expected = Buffer.concat([header, bytes.subarray(5), trailer])
      assert.equal(sha256(await received()), sha256(expected))
      assertParts(result, [header.length, bytes.length - 5, trailer.length])
      assert.equal(result.path, result.parts![1]!.path)
      assert.deepEqual(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
      )
      assert.equal(seen.at(-1), expected.length)
    })
  }

  test(`all kinds of parts, some of them empty, to ${name}`, async t => {
    const folder = temporaryFolder(t)
    const { path, bytes } = randomFile(folder, 'file.bin', 100 * KiB)
    const empty = randomFile(folder, 'empty.bin', 0).path
    const { sink, received } = await open(t)
    const pool = new Pool({ slots: 1, slotBytes: 64 * KiB })
    const lease = await pool.take()
    lease.bytes.fill(0x4c)
    lease.length = 50 * KiB
    const region = new Region({ bytes: 16 * KiB })
    region.bytes.fill(0x52)
    const parts: SourceLike[] = [
      file(empty),
      header,
      lease,
      memory(region, { start: 1, end: 1000 }),
      new Uint8Array(0),
      file(path, { start: 7, end: 50_000 }),
      file(path),
      trailer,
    ]
    const result = await transfer(parts, sink)
    const expected = [
      header,
      Buffer.alloc(50 * KiB, 'L'),
      Buffer.alloc(1000, 'R'),
      bytes.subarray(7, 50_001),
      bytes,
      trailer,
    ]
    assert.equal(sha256(await received()), sha256(Buffer.concat(expected)))
    assertParts(result, [0, header.length, 50 * KiB, 1000, 0, 49_994, 100 * KiB, trailer.length])
    assert.equal(pool.free, 1, 'the lease has ended')
    await Promise.all([pool.close(), region.close()])
  })
}

test('streams and pipes are parts, up to their end', async t => {
  const source = await socketPair(t)
  const fifo = openFifo(t, { reading: false })
  const { socket: sink, peer } = await socketPair(t)
  const writing = openSync(`/proc/self/fd/${fifo.fd}`, 'r')
  writeSync(fifo.fd, 'by a pipe')
  fifo.reader.close()
  fifo.end()
  source.peer.socket.end('by a socket')
  const stream = Readable.from(['by ', 'a stream'])
  const parts = [header, source.socket, stream, pipe(writing), trailer]
  const result = await transfer(parts, sink)
  sink.end()
  const text = 'by a socketby a streamby a pipe'
  assert.equal((await peer.take()).toString(), `${header}${text}${trailer}`)
  assertParts(result, [header.length, 11, 11, 9, trailer.length])
  assert.equal(result.parts![1]!.path, pathTaken('splice'), 'the socket')
  assert.equal(result.parts![2]!.path, 'copy', 'the stream')
})

test('what the pipe holds comes first where the sink cannot be spliced to', needsAddon, async t => {
  const source = await socketPair(t)
  const { socket: sink, peer } = await socketPair(t)
  refuseSplice(sink)
  const progress: number[] = []
  const sent = transfer([header, source.socket, trailer], sink, { onProgress: bytes => progress.push(bytes) })
  source.peer.socket.write('first, ')
  await peer.take(header.length + 7)
  source.peer.socket.end('second')
  assertParts(await sent, [header.length, 13, trailer.length])
  sink.end()
  assert.equal((await peer.take()).toString(), `${header}first, second${trailer}`)
  assert.ok(progress.includes(header.length + 7) && progress.includes(header.length + 13), `${progress}`)
})

test('a stream that is being read by a transfer is no part of another', async t => {
  const source = await socketPair(t)
  const { socket: sink, peer } = await socketPair(t)
  const first = transfer([header, source.socket], sink)
  assert.equal((await rejection(transfer([source.socket], sink))).code, 'ERR_SLUICE_IN_FLIGHT')
  source.peer.socket.end()
  await first
  assert.equal((await peer.take(header.length)).length, header.length)
})

test('a response announces all parts, and is ended by the last', async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 1 * MiB)
  const results: Promise<TransferResult>[] = []
  const server = await httpServer(t, (req, res) => {
    if (req.url === '/chunked') {
      const parts = [header, Readable.from(['of unknown length'])]
      results.push(transfer(parts, res))
      results[1]!.then(() => res.end())
    } else {
      results.push(transfer([header, file(path), trailer], res))
    }
  })
  const client = new RawClient(t, server)
  client.get('/known')
  const known = await client.response()
  assert.equal(known.headers.get('content-length'), String(header.length + 1 * MiB + trailer.length))
  assert.equal(sha256(known.body), sha256(Buffer.concat([header, bytes, trailer])))
  assertParts(await results[0]!, [header.length, 1 * MiB, trailer.length])
  if (native === null) assert.equal((await results[0]!).path, 'copy')
  else assert.match((await results[0]!).path, /^(sendfile|splice)$/)
  client.get('/chunked')
  const chunked = await client.response()
  assert.equal(chunked.headers.get('transfer-encoding'), 'chunked')
  assert.match(chunked.body.toString(), /of unknown length/)
  assert.equal((await results[1]!).path, 'copy')
})

test('small parts share a segment with what is next to them', needsAddon, async t => {
  const { path } = randomFile(temporaryFolder(t), 'file.bin', 10 * KiB)
  const { socket: sink, peer } = await socketPair(t)
  sink.setNoDelay(true)
  const before = dataSegments(sink)
  await transfer([header, file(path), trailer], sink)
  await peer.take(10 * KiB + header.length + trailer.length)
  assert.equal(dataSegments(sink) - before, 1)
  for (const part of [header, file(path), trailer]) await transfer(part, sink)
  assert.equal(dataSegments(sink) - before, 4, 'one by one they have a segment each')
  assert.ok(!isCorked(sink))
})

test(
  'the sink is uncorked also where the list fails, and what the program corked stays',
  needsAddon,
  async t => {
    const { path } = randomFile(temporaryFolder(t), 'file.bin', 64 * KiB)
    const { socket: sink, peer } = await socketPair(t)
    sink.setNoDelay(true)
    const failing = new Readable({ read: () => {} })
    const failed = transfer([header, file(path), failing, trailer], sink)
    const error = new Error('no more')
    await peer.take(header.length + 64 * KiB)
    failing.destroy(error)
    await assert.rejects(failed, { bytes: header.length + 64 * KiB })
    assert.ok(!isCorked(sink))
    native!.setsockoptInt(descriptorOf(sink), native!.IPPROTO_TCP, native!.TCP_CORK, 1)
    await transfer([header, trailer], sink)
    assert.ok(isCorked(sink))
  },
)

test('what the program writes meanwhile comes after the last part', async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 8 * MiB)
  const { socket: sink, peer } = await socketPair(t, { reading: false })
  const sent = transfer([header, file(path), trailer], sink, {
    onProgress: sentBytes => {
      if (sentBytes > header.length && native !== null && sink.writableLength === 0) sink.write('after')
    },
  })
  const second = transfer([trailer], sink)
  const received = peer.take(header.length + 8 * MiB + 2 * trailer.length)
  await Promise.all([sent, second])
  const whole = await received
  const first = Buffer.concat([header, bytes, trailer])
  assert.equal(sha256(whole.subarray(0, first.length)), sha256(first))
})

test('an abort while the parts are being opened says that nothing was sent', async t => {
  const { path } = randomFile(temporaryFolder(t), 'body.bin', 1000)
  const { socket: sink } = await socketPair(t)
  const controller = new AbortController()
  const sent = transfer([header, file(path)], socket(sink), { signal: controller.signal })
  controller.abort()
  await assert.rejects(sent, { code: 'ERR_SLUICE_ABORTED', bytes: 0 })
})

for (const [name, options, code] of [
  ['an abort', {}, 'ERR_SLUICE_ABORTED'],
  ['a deadline', { deadlineMs: 200 }, 'ERR_SLUICE_DEADLINE'],
] as const) {
  test(`${name} ends the whole, and every byte is counted`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 16 * MiB)
    const { socket: sink, peer } = await socketPair(t, { reading: false })
    const pool = new Pool({ slots: 1, slotBytes: 4 * KiB })
    const lease = await pool.take()
    const controller = new AbortController()
    const given: TransferOptions = { ...options, signal: controller.signal }
    if (code === 'ERR_SLUICE_ABORTED') {
      given.onProgress = sentBytes => {
        if (sentBytes > header.length) setImmediate(() => controller.abort())
      }
    }
    const error = await rejection(transfer([header, file(path), lease], sink, given))
    assert.equal(error.code, code)
    assert.ok(error.bytes > header.length && error.bytes < 16 * MiB)
    sink.end()
    const received = await peer.take()
    assert.equal(received.length, error.bytes)
    const expected = Buffer.concat([header, bytes])
    assert.equal(sha256(received), sha256(expected.subarray(0, error.bytes)))
    assert.equal(pool.free, 1, 'the lease that was not sent has ended too')
    await pool.close()
  })
}

test('a file that shrinks fails the list where it is', async t => {
  const { path } = randomFile(temporaryFolder(t), 'file.bin', 16 * MiB)
  const { socket: sink, peer } = await socketPair(t, { reading: false })
  const sent = transfer([header, file(path), trailer], sink, {
    onProgress: () => truncateSync(path, 12 * MiB),
  })
  const received = peer.take(header.length + 12 * MiB)
  const error = await rejection(sent)
  assert.equal(error.code, 'ERR_SLUICE_FILE_SHRANK')
  assert.equal(error.bytes, header.length + 12 * MiB)
  await received
})

test('what is wrong with one part is found before anything is sent, and leases stay the program’s', async t => {
  const { path } = randomFile(temporaryFolder(t), 'file.bin', 10)
  const { socket: sink, peer } = await socketPair(t)
  const pool = new Pool({ slots: 2, slotBytes: 4 * KiB })
  const lease = await pool.take()
  const released = await pool.take()
  released.release()
  const wrong: [SourceLike[], string][] = [
    [[lease, file(`${path}.missing`)], 'ERR_SLUICE_FILE'],
    [[lease, file(path, { start: 11 })], 'ERR_SLUICE_RANGE'],
    [[lease, released], 'ERR_SLUICE_RELEASED'],
    [[lease, lease], 'ERR_SLUICE_OPTION'],
    [[lease, sink, sink], 'ERR_SLUICE_OPTION'],
    [[], 'ERR_SLUICE_OPTION'],
    [Array.from({ length: 1025 }, () => header), 'ERR_SLUICE_OPTION'],
  ]
  for (const [parts, code] of wrong) {
    const error = await rejection(transfer(parts, sink))
    assert.equal(error.code, code)
  }
  lease.release()
  assert.equal(pool.free, 2)
  sink.end()
  assert.equal((await peer.take()).length, 0)
  await pool.close()
})

test('a list to one of its own files', async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 10 * KiB)
  assert.equal((await rejection(transfer([header, file(path)], file(path)))).code, 'ERR_SLUICE_OPTION')
  assert.equal(sha256(readFileSync(path)), sha256(bytes), 'nothing was emptied')
  const behind = file(path, { flags: 'r+', start: 10 * KiB })
  await transfer([header, file(path)], behind)
  assert.equal(sha256(readFileSync(path)), sha256(Buffer.concat([bytes, header, bytes])))
})

function endOf(sink: Socket, peer: Peer): Promise<Buffer> {
  sink.end()
  return peer.take()
}

function assertParts(result: TransferResult, sizes: readonly number[]): void {
  assert.deepEqual(
    result.parts!.map(part => part.bytes),
    sizes,
  )
  const bytes = sizes.reduce((sum, size) => sum + size)
  assert.equal(result.bytes, bytes)
  assert.ok(result.copied <= bytes)
  assert.ok(result.why.length > 0)
}

/** Segments with data that were sent: tcpi_data_segs_out of linux/tcp.h. */
function dataSegments(sink: Socket): number {
  const tcpInfo = 11
  const info = new Uint8Array(232)
  assert.ok(native!.getsockoptBytes(descriptorOf(sink), native!.IPPROTO_TCP, tcpInfo, info) >= 0)
  return new DataView(info.buffer).getUint32(156, true)
}

function isCorked(sink: Socket): boolean {
  return native!.getsockoptInt(descriptorOf(sink), native!.IPPROTO_TCP, native!.TCP_CORK) !== 0
}

function rejection(promise: Promise<unknown>): Promise<Error & { code: string; bytes: number }> {
  return promise.then(
    () => assert.fail('it did not fail'),
    error => error,
  )
}
