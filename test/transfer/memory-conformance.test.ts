/** The same bytes arrive whatever the memory, the path and the sink. */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { closeSync, read } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { mapFile } from '#sluice/memory/mapped-file.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import type { SourceLike } from '#sluice/transfer/ends/ends.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import type { TransferResult } from '#sluice/transfer/jobs/job.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { memoryPathNames } from '#sluice/transfer/plan/plan-memory.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { randomFile, sha256 } from '../support/contents.js'
import { httpServer, RawClient } from '../support/raw-http.js'
import { type Ending, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const page = 4 * KiB
const lengths = [0, 1, page - 1, page, page + 1, 1 * MiB, 3 * MiB + 17]
const lengthMax = 3 * MiB + 17

/** One way to lend bytes to a transfer. */
type Lender = (t: Ending) => (bytes: Uint8Array) => Promise<SourceLike>

const lenders: Record<string, Lender> = {
  'a lease': t => {
    const pool = new Pool({ slots: 1, slotBytes: lengthMax, verify: true })
    t.after(() => pool.close())
    return async bytes => {
      // There is one slot: it must have come back from the transfer before.
      const lease = await pool.take({ wait: false })
      lease.length = bytes.length
      lease.bytes.set(bytes)
      return lease
    }
  },
  'a range of a lease': t => {
    const pool = new Pool({ slots: 1, slotBytes: lengthMax + 2 * page })
    t.after(() => pool.close())
    return async bytes => {
      const lease = await pool.take({ wait: false })
      lease.bytes.set(bytes, 5)
      lease.length = bytes.length + 10
      return memory(lease, { start: 5, end: bytes.length + 4 })
    }
  },
  'a range of a region that is stable': t => {
    const region = new Region({ bytes: 8 * MiB })
    t.after(() => region.close())
    return async bytes => {
      region.bytes.set(bytes, 100)
      return memory(region, { start: 100, end: 99 + bytes.length, stable: true })
    }
  },
  'bytes of any sort': () => {
    return async bytes => {
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 1), 1)
      shared.set(bytes)
      return shared
    }
  },
}

for (const prefer of memoryPathNames) {
  for (const [name, open] of Object.entries(lenders)) {
    for (const kind of ['TCP', 'Unix'] as const) {
      test(`${prefer} from ${name} to a ${kind} socket: every length`, async t => {
        const lend = open(t)
        const pair = await socketPair(t, { kind })
        let seen = 0
        for (const length of lengths.filter(length => length > 0 || !name.includes('range'))) {
          const bytes = randomFillSync(Buffer.allocUnsafe(length))
          const result = await transfer(await lend(bytes), socket(pair.socket), { prefer })
          const all = await pair.peer.take(seen + length)
          assert.equal(sha256(all.subarray(seen)), sha256(bytes), `${length} bytes`)
          assertResult(result, prefer, length)
          assertPath(result, prefer, name, kind)
          seen += length
        }
        pair.socket.end()
        assert.equal((await pair.peer.take()).length, seen)
      })
    }
  }

  test(`${prefer} from a lease to a descriptor of a socket and of a pipe`, needsAddon, async t => {
    const lend = lenders['a lease']!(t)
    const pair = await socketPair(t)
    const bytes = randomFillSync(Buffer.allocUnsafe(1 * MiB + 3))
    const result = await transfer(await lend(bytes), socket(descriptorOf(pair.socket)), { prefer })
    assertResult(result, prefer, bytes.length)
    assert.equal(sha256(await pair.peer.take(bytes.length)), sha256(bytes))
    const { readFd, writeFd } = openPipe(t)
    const received = readAll(readFd, bytes.length)
    const toPipe = await transfer(await lend(bytes), pipe(writeFd), { prefer })
    assert.equal(sha256(await received), sha256(bytes))
    assert.equal(toPipe.bytes, bytes.length)
    if (prefer !== 'zerocopy') assertResult(toPipe, prefer, bytes.length)
  })
}

test('a response is written by copying, and ended when its body is complete', async t => {
  const lend = lenders['a lease']!(t)
  const bytes = randomFillSync(Buffer.allocUnsafe(300 * KiB))
  let done: Promise<TransferResult> | null = null
  const server = await httpServer(t, (_req, res: ServerResponse) => {
    done = lend(bytes).then(source => transfer(source, res))
  })
  const client = new RawClient(t, server)
  client.get()
  const { body, headers } = await client.response()
  assert.equal(sha256(body), sha256(bytes))
  assert.equal(headers.get('content-length'), String(bytes.length))
  const result = await done!
  assert.equal(result.path, 'copy')
  assert.equal(result.copied, bytes.length)
})

test('a stream gets copies: the memory may change when the transfer has ended', async t => {
  const lend = lenders['a lease']!(t)
  const bytes = randomFillSync(Buffer.allocUnsafe(300 * KiB))
  const through = new PassThrough({ highWaterMark: 1 * MiB })
  const { path, why } = await transfer(await lend(bytes), through)
  assert.equal(path, 'copy')
  assert.match(why, native === null ? /^there is no addon/ : /stream without a socket/)
  await lend(Buffer.alloc(300 * KiB))
  through.end()
  const chunks: Buffer[] = []
  for await (const chunk of through) chunks.push(chunk)
  assert.equal(sha256(Buffer.concat(chunks)), sha256(bytes))
})

test('a mapped file is sent as the file that it is, and from memory where that is asked for', async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'mapped.bin', 2 * MiB)
  const mapping = mapFile(path, { start: 10, end: 1 * MiB + 10 })
  t.after(() => mapping.close())
  const pair = await socketPair(t)
  const whole = await transfer(memory(mapping, { start: 5 }), pair.socket, { prefer: 'sendfile' })
  assert.equal(whole.path, pathTaken('sendfile'))
  const expected = bytes.subarray(15, 1 * MiB + 11)
  assert.equal(sha256(await pair.peer.take(whole.bytes)), sha256(expected))
  const gathered = await transfer(memory(mapping, { start: 5, end: 6 }), pair.socket, { prefer: 'writev' })
  assert.equal(gathered.path, pathTaken('writev'))
  const all = await pair.peer.take(whole.bytes + 2)
  assert.deepEqual(all.subarray(whole.bytes), bytes.subarray(15, 17))
})

function assertResult(result: TransferResult, prefer: PathName, length: number): void {
  assert.equal(result.bytes, length)
  assert.ok(result.ms >= 0)
  if (result.path !== prefer) assert.match(result.why, /./)
  if (result.path === 'copy' || result.path === 'writev') assert.equal(result.copied, length)
  if (result.path === 'vmsplice' || result.path === 'sendfile') assert.equal(result.copied, 0)
}

/** `zerocopy` to a peer on the same machine is given up once the kernel has said that it copies. */
function assertPath(result: TransferResult, prefer: PathName, name: string, kind: string): void {
  const needsRegion = prefer === 'vmsplice' || prefer === 'sendfile'
  const byReference = needsRegion || prefer === 'zerocopy'
  const possible =
    !(byReference && result.bytes === 0) &&
    !(needsRegion && name.startsWith('bytes')) &&
    !(prefer === 'zerocopy' && kind !== 'TCP')
  if (native === null) assert.equal(result.path, 'copy')
  else if (!possible) assert.notEqual(result.path, prefer)
  else if (prefer !== 'zerocopy') assert.equal(result.path, prefer)
}

function openPipe(t: Ending): { readFd: number; writeFd: number } {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
  const [readFd, writeFd] = [...ends] as [number, number]
  t.after(() => {
    closeSync(readFd)
    closeSync(writeFd)
  })
  return { readFd, writeFd }
}

async function readAll(fd: number, bytes: number): Promise<Buffer> {
  const all = Buffer.alloc(bytes)
  let done = 0
  while (done < bytes) {
    done += await new Promise<number>((resolve, reject) => {
      read(fd, all, done, bytes - done, null, (error, count) => (error ? reject(error) : resolve(count)))
    })
  }
  return all
}
