/** What ends a transfer from memory before its time, and what then becomes of the memory. */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { closeSync, openSync, truncateSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { constants } from 'node:os'
import { test } from 'node:test'
import type { SluiceError } from '#sluice/base/errors.js'
import { KiB, MiB } from '#sluice/base/units.js'
import { mapFile } from '#sluice/memory/mapped-file.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { memoryPathNames } from '#sluice/transfer/plan/plan-memory.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { randomFile, sha256 } from '../support/contents.js'
import { eventually } from '../support/eventually.js'
import { httpServer, RawClient } from '../support/raw-http.js'
import { type Ending, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const largeBytes = 16 * MiB

for (const prefer of memoryPathNames) {
  test(`${prefer} is aborted while the peer does not read; what was sent stays sent`, async t => {
    const { pool, bytes, lease } = await lent(t)
    const { socket: sink, peer } = await socketPair(t, { reading: false })
    const aborter = new AbortController()
    const seen: number[] = []
    const sent = failure(
      transfer(lease, socket(sink), {
        prefer,
        signal: aborter.signal,
        onProgress: sentBytes => {
          seen.push(sentBytes)
          setTimeout(() => aborter.abort(), 5)
        },
      }),
    )
    await eventually(
      () => aborter.signal.aborted,
      () => 'nothing was sent',
    )
    // What goes by reference without being replaced is the kernel's until the peer has it.
    const received = peer.take(1)
    const error = await sent
    assert.equal(error.code, 'ERR_SLUICE_ABORTED')
    assert.equal(error.name, 'AbortError')
    assert.ok(error.bytes! > 0 && error.bytes! < largeBytes, `${error.bytes} bytes`)
    assert.ok(seen.length > 0)
    await received
    assert.equal(pool.free, 1, 'the lease has ended')
    sink.end()
    const all = await peer.take()
    assert.ok(all.length >= error.bytes!, `${all.length} bytes came, ${error.bytes} were sent`)
    assert.ok(all.equals(bytes.subarray(0, all.length)))
  })

  test(`${prefer} ends when its deadline has passed, and when the peer resets`, async t => {
    const { pool, lease } = await lent(t)
    const late = await socketPair(t, { reading: false })
    const onTime = failure(transfer(lease, socket(late.socket), { prefer, deadlineMs: 20 }))
    setTimeout(() => late.peer.socket.resume(), 60)
    assert.equal((await onTime).code, 'ERR_SLUICE_DEADLINE')
    const next = await pool.take()
    const pair = await socketPair(t, { reading: false })
    pair.socket.on('error', () => {})
    const reset = transfer(next, socket(pair.socket), {
      prefer,
      onProgress: () => pair.peer.socket.resetAndDestroy(),
    })
    const error = await failure(reset)
    assert.equal(error.code, 'ERR_SLUICE_PEER_CLOSED')
    assert.ok(error.bytes! < largeBytes)
    assert.equal(pool.free, 1)
  })

  test(`${prefer} to a peer that has ended its side still arrives`, async t => {
    const { bytes, lease } = await lent(t, 1 * MiB)
    const { socket: sink, peer } = await socketPair(t)
    sink.allowHalfOpen = true
    peer.socket.end()
    const { bytes: sent } = await transfer(lease, socket(sink), { prefer })
    assert.equal(sha256(await peer.take(sent)), sha256(bytes))
  })
}

test('a transfer that waits for its turn can be aborted, and the memory comes back', async t => {
  const { pool, lease } = await lent(t)
  const { socket: sink, peer } = await socketPair(t, { reading: false })
  const first = transfer(new Uint8Array(largeBytes), sink)
  const aborter = new AbortController()
  const waiting = failure(transfer(lease, sink, { signal: aborter.signal }))
  aborter.abort()
  const error = await waiting
  assert.equal(error.code, 'ERR_SLUICE_ABORTED')
  assert.equal(error.bytes, 0)
  assert.equal(pool.free, 1)
  assert.equal((await peer.take(largeBytes)).length, largeBytes)
  await first
})

test('a transfer that is refused leaves the lease with the program', async t => {
  const { pool, lease } = await lent(t, 4 * KiB)
  const { socket: sink } = await socketPair(t)
  const range = memory(lease, { start: 10, end: 99 })
  lease.length = 50
  assert.equal((await failure(transfer(range, sink))).code, 'ERR_SLUICE_OPTION')
  assert.equal((await failure(transfer(lease, sink, { deadlineMs: 0 }))).code, 'ERR_SLUICE_OPTION')
  const aborted = AbortSignal.abort()
  assert.equal((await failure(transfer(lease, sink, { signal: aborted }))).code, 'ERR_SLUICE_ABORTED')
  if (native !== null) {
    assert.equal((await failure(transfer(lease, socket(9999)))).code, 'ERR_SLUICE_SYSCALL')
  }
  assert.equal(lease.bytes.length, 50)
  lease.release()
  assert.equal(pool.free, 1)
  assert.equal((await failure(transfer(memory(lease, { end: 0 }), sink))).code, 'ERR_SLUICE_RELEASED')
})

test('a region that is closed meanwhile stays until the transfer has ended', async t => {
  const region = new Region({ bytes: largeBytes })
  randomFillSync(region.bytes)
  const expected = sha256(region.bytes)
  const { socket: sink, peer } = await socketPair(t, { reading: false })
  const sent = transfer(region, sink)
  const closed = region.close()
  assert.equal(sha256(await peer.take(largeBytes)), expected)
  assert.equal((await sent).path, pathTaken('writev'))
  await closed
  assert.equal(
    (await failure(transfer(memory(new Uint8Array(1)), sink).then(() => transfer(region, sink)))).code,
    'ERR_SLUICE_CLOSED',
  )
})

test('a refused path is followed by the next, and nothing is sent twice', needsAddon, async t => {
  const { bytes, lease } = await lent(t, 1 * MiB)
  const { socket: sink, peer } = await socketPair(t)
  t.mock.method(native!, 'sendViews', () => -constants.errno.EPERM)
  const options = { prefer: 'writev' } as const
  const { path, why } = await transfer(lease, sink, options)
  assert.notEqual(path, 'writev')
  assert.match(why, /sendmsg is refused here \(EPERM\)/)
  sink.end()
  assert.equal(sha256(await peer.take()), sha256(bytes))
})

for (const prefer of ['sendfile', 'writev', 'copy'] as const) {
  test(`${prefer}: a mapped file that loses bytes fails with MAPPING_TRUNCATED`, needsAddon, async t => {
    const { path } = randomFile(temporaryFolder(t), 'cut.bin', 8 * MiB)
    const mapping = mapFile(path)
    t.after(() => mapping.close())
    const { socket: sink } = await socketPair(t)
    let cut = false
    const onProgress = (): void => {
      if (!cut) truncateSync(path, 64 * KiB)
      cut = true
    }
    const error = await failure(transfer(memory(mapping), sink, { prefer, onProgress }))
    assert.equal(error.code, 'ERR_SLUICE_MAPPING_TRUNCATED')
    assert.ok(error.bytes! < 8 * MiB)
    assert.ok(mapping.truncated)
    assert.equal((await failure(transfer(mapping, sink, { prefer }))).code, 'ERR_SLUICE_MAPPING_TRUNCATED')
  })
}

for (const prefer of ['writev', 'zerocopy', 'copy'] as const) {
  test(`${prefer}: a mapping that is closed meanwhile stays until the transfer has ended`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'closed.bin', 8 * MiB)
    const mapping = mapFile(path)
    const view = mapping.bytes
    const { socket: sink, peer } = await socketPair(t, { reading: false })
    const sent = transfer(memory(mapping), sink, { prefer, onProgress: () => mapping.close() })
    assert.equal(sha256(await peer.take(8 * MiB)), sha256(bytes))
    assert.equal((await sent).path, pathTaken(prefer))
    assert.deepEqual([mapping.closed, view.length, mapping.truncated], [true, 0, false])
    assert.equal((await failure(transfer(mapping, sink, { prefer }))).code, 'ERR_SLUICE_CLOSED')
  })
}

test(
  'a pipe that nobody reads any more is EPIPE, and a socket that is not connected has no peer',
  needsAddon,
  async t => {
    const ends = new Int32Array(2)
    assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
    const [readFd, writeFd] = [...ends] as [number, number]
    closeSync(readFd)
    t.after(() => closeSync(writeFd))
    const broken = await failure(transfer(new Uint8Array(10), pipe(writeFd), { prefer: 'writev' }))
    assert.equal(broken.code, 'ERR_SLUICE_PEER_CLOSED')
    assert.equal(broken.errno, -constants.errno.EPIPE)
    assert.equal(broken.syscall, 'writev')
    const alone = native!.socket(native!.AF_INET, native!.SOCK_STREAM, 0)
    t.after(() => closeSync(alone))
    const unconnected = await failure(transfer(new Uint8Array(10), socket(alone), { prefer: 'writev' }))
    assert.equal(unconnected.errno, -constants.errno.EPIPE)
    assert.equal(unconnected.syscall, 'sendmsg')
  },
)

test('a descriptor that is only for reading takes nothing', needsAddon, async t => {
  const fd = openSync('/dev/null', 'r')
  t.after(() => closeSync(fd))
  const error = await failure(transfer(new Uint8Array(10), socket(fd), { prefer: 'writev' }))
  assert.equal(error.errno, -constants.errno.EBADF)
})

test('a response that announces less than the memory has is refused', async t => {
  const { pool, lease } = await lent(t, 4 * KiB)
  let refused: Promise<SluiceError> | null = null
  const server = await httpServer(t, (_req, res: ServerResponse) => {
    res.setHeader('content-length', 5)
    refused = failure(transfer(lease, res))
    refused.then(() => res.end('hello'))
  })
  const client = new RawClient(t, server)
  client.get()
  assert.equal(String((await client.response()).body), 'hello')
  assert.equal((await refused!).code, 'ERR_SLUICE_CONTENT_LENGTH')
  assert.equal(pool.free, 1)
})

interface Lent {
  readonly pool: Pool
  readonly bytes: Buffer
  readonly lease: Awaited<ReturnType<Pool['take']>>
}

/** The one lease of a pool, full of random bytes. */
async function lent(t: Ending, length = largeBytes): Promise<Lent> {
  const pool = new Pool({ slots: 1, slotBytes: length })
  t.after(() => pool.close())
  const lease = await pool.take()
  randomFillSync(lease.bytes)
  return { pool, bytes: Buffer.from(lease.bytes), lease }
}

async function failure(transferred: Promise<unknown>): Promise<SluiceError> {
  return transferred.then(
    () => assert.fail('the transfer did well'),
    error => error as SluiceError,
  )
}
