/** The same bytes arrive at whatever else a file can be sent to than sockets and pipes (test/conformance). */
import assert from 'node:assert/strict'
import { openSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { KiB, MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import {
  type FileRangeOptions,
  file,
  pipe,
  type SinkTarget,
  socket,
} from '#sluice/transfer/ends/endpoints.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import type { TransferOptions, TransferResult } from '#sluice/transfer/jobs/job.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { pathTaken } from '../support/addon.js'
import { randomFile, sha256 } from '../support/contents.js'
import { openFifo } from '../support/fifo.js'
import { httpServer, RawClient } from '../support/raw-http.js'
import { type Ending, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const page = 4 * KiB

/** One connection that takes transfers one after the other. */
interface Channel {
  deliver(from: ReturnType<typeof file>, options: TransferOptions): Promise<Delivery>
  /** Ends the connection → what came that no transfer accounts for. */
  finish(): Promise<Buffer>
}

interface Delivery {
  readonly result: TransferResult
  readonly body: Buffer
}

const sinks: Record<string, (t: Ending) => Promise<Channel>> = {
  'a descriptor': t => socketChannel(t, descriptorOf),
  'a stream over a pipe': async t => pipeChannel(t, fd => pipe(streamOver(fd))),
  'responses of a kept connection': responseChannel,
}

const lengths = [0, 1, page - 1, page, page + 1, 1 * MiB, 3 * MiB + 17]

const ranges: FileRangeOptions[] = [
  { start: 0, end: 0 },
  { start: page },
  { end: page - 1 },
  { start: page - 1, end: page },
  { start: 5, end: 1 * MiB + 6 },
  { start: 2 * MiB - 1 },
  { start: 2 * MiB },
]

for (const prefer of sendPathNames) {
  for (const [name, open] of Object.entries(sinks)) {
    test(`${prefer} to ${name}: whole files of every length`, async t => {
      const folder = temporaryFolder(t)
      const channel = await open(t)
      for (const length of lengths) {
        const { path, bytes } = randomFile(folder, `${length}.bin`, length)
        const { result, body } = await channel.deliver(file(path), { prefer })
        assert.equal(sha256(body), sha256(bytes), `${length} bytes`)
        assertResult(result, pathTo(name, prefer), length)
      }
      assert.equal((await channel.finish()).length, 0)
    })

    test(`${prefer} to ${name}: ranges, both ends included`, async t => {
      const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 2 * MiB)
      const channel = await open(t)
      for (const range of ranges) {
        const { result, body } = await channel.deliver(file(path, range), { prefer })
        const expected = bytes.subarray(range.start ?? 0, (range.end ?? bytes.length - 1) + 1)
        assert.equal(sha256(body), sha256(expected), JSON.stringify(range))
        assertResult(result, pathTo(name, prefer), expected.length)
      }
      assert.equal((await channel.finish()).length, 0)
    })
  }

  test(`${prefer} from everything that names a file`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'a file.bin', 300 * KiB)
    const channel = await sinks['a descriptor']!(t)
    const handle = await openFile(path)
    t.after(() => handle.close())
    const names = [path, Buffer.from(path), new TextEncoder().encode(path), pathToFileURL(path)]
    for (const from of [...names, handle, handle.fd]) {
      const { result, body } = await channel.deliver(file(from, { start: 7 }), { prefer })
      assert.equal(sha256(body), sha256(bytes.subarray(7)))
      assertResult(result, prefer, bytes.length - 7)
    }
    const { bytesRead } = await handle.read(Buffer.alloc(8), 0, 8)
    assert.equal(bytesRead, 8, 'the handle stays open')
    assert.equal((await handle.read(Buffer.alloc(8), 0, 8)).buffer.readUInt8(0), bytes[8], 'and where it was')
  })
}

type SendPath = (typeof sendPathNames)[number]

/** Where the sink is none for mapped memory, any other path may be cheaper. */
function pathTo(sink: string, prefer: SendPath): SendPath | null {
  return prefer === 'zerocopy' && sink !== 'a descriptor' ? null : prefer
}

function assertResult(result: TransferResult, wanted: SendPath | null, length: number): void {
  assert.equal(result.bytes, length)
  assert.ok(result.ms >= 0)
  const path = pathTaken(wanted ?? 'sendfile')
  if (path === 'copy' && wanted !== 'copy') assert.match(result.why, /^there is no addon: ./)
  // The kernel copies what it sends to a peer on this machine from memory, and the path is not taken a second time.
  const gaveUp = result.why === 'the kernel copies what it sends to this peer from memory'
  if (native === null || (wanted !== null && !gaveUp)) assert.equal(result.path, path)
  else assert.ok(['sendfile', 'splice', 'copy'].includes(result.path), result.path)
  assert.equal(result.copied, result.path === 'copy' || result.path === 'zerocopy' ? length : 0)
}

async function socketChannel(t: Ending, sinkOf: (socket: Socket) => SinkTarget): Promise<Channel> {
  const pair = await socketPair(t)
  let seen = 0
  return {
    async deliver(from, options) {
      const result = await transfer(from, socket(sinkOf(pair.socket)), options)
      const body = (await pair.peer.take(seen + result.bytes)).subarray(seen)
      seen += result.bytes
      return { result, body }
    },
    async finish() {
      pair.socket.end()
      return (await pair.peer.take()).subarray(seen)
    },
  }
}

function pipeChannel(t: Ending, endOf: (fd: number) => ReturnType<typeof pipe>): Channel {
  const fifo = openFifo(t)
  const end = endOf(fifo.fd)
  let seen = 0
  return {
    async deliver(from, options) {
      const result = await transfer(from, end, options)
      const body = (await fifo.reader.take(seen + result.bytes)).subarray(seen)
      seen += result.bytes
      return { result, body }
    },
    async finish() {
      if (end.to instanceof Socket) end.to.destroy()
      fifo.end()
      return (await fifo.reader.take()).subarray(seen)
    },
  }
}

/** A stream over an end of its own, which it closes. */
function streamOver(fd: number): Socket {
  return new Socket({ fd: openSync(`/proc/self/fd/${fd}`, 'w'), readable: false, writable: true })
}

async function responseChannel(t: Ending): Promise<Channel> {
  let answer: (res: ServerResponse) => void = () => {}
  const server = await httpServer(t, (_req, res) => answer(res))
  const client = new RawClient(t, server)
  return {
    async deliver(from, options) {
      const transferred = new Promise<TransferResult>((resolve, reject) => {
        answer = res => transfer(from, socket(res), options).then(resolve, reject)
      })
      client.get()
      const [result, { body, headers }] = await Promise.all([transferred, client.response()])
      assert.equal(headers.get('content-length'), String(result.bytes))
      return { result, body }
    },
    finish() {
      server.closeIdleConnections()
      return client.rest()
    },
  }
}
