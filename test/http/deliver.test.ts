/** How a file is answered with: preconditions, ranges, and files that change while they are sent. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  openSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import type { SendFileResult } from '#sluice/http/index.js'
import { onEveryServer, type Serve } from './servers.js'
import { descriptorCount, folderOf, requestText, serve, until } from './support.js'

const long = randomBytes(100_000)
const changed = new Date('1994-11-06T08:49:37.25Z')
const date = 'Sun, 06 Nov 1994 08:49:37 GMT'

async function serveLong(t: TestContext, serve: Serve) {
  const folder = folderOf(t, { 'long.bin': long, 'empty.txt': '' })
  utimesSync(join(folder, 'long.bin'), changed, changed)
  const get = await serve(t, folder)
  const { headers } = await get('/long.bin', { method: 'HEAD' })
  return { folder, get, etag: headers.etag! }
}

const satisfied = [
  ['bytes=0-0', 'bytes 0-0/100000'],
  ['bytes=10-19', 'bytes 10-19/100000'],
  ['bytes=99990-', 'bytes 99990-99999/100000'],
  ['bytes=0-', 'bytes 0-99999/100000'],
  ['bytes=-5', 'bytes 99995-99999/100000'],
  ['bytes=-200000', 'bytes 0-99999/100000'],
  ['bytes=99999-300000', 'bytes 99999-99999/100000'],
  ['bytes=5-9,3-6', 'bytes 3-9/100000'],
  ['bytes=0-4,100000-', 'bytes 0-4/100000'],
] as const

onEveryServer('a range is answered with its bytes, and says which they are', async (t, serve) => {
  const { get, etag } = await serveLong(t, serve)
  for (const [range, contentRange] of satisfied) {
    const { status, headers, body } = await get('/long.bin', { headers: { Range: range } })
    const [start, end] = contentRange.match(/\d+/g)!.map(Number)
    assert.equal(status, 206)
    assert.equal(headers['content-range'], contentRange, range)
    assert.equal(headers['content-type'], 'application/octet-stream')
    assert.equal(headers.etag, etag)
    assert.deepEqual(body, long.subarray(start, end! + 1))
  }
})

onEveryServer('ranges that cannot be satisfied are 416 and tell the length', async (t, serve) => {
  const { get } = await serveLong(t, serve)
  for (const [target, range, length] of [
    ['/long.bin', 'bytes=100000-', 100_000],
    ['/long.bin', 'bytes=-0', 100_000],
    ['/empty.txt', 'bytes=0-', 0],
  ] as const) {
    const { status, headers, body } = await get(target, { headers: { Range: range } })
    assert.deepEqual([status, headers['content-range']], [416, `bytes */${length}`])
    assert.equal(headers.etag, undefined)
    assert.equal(body.toString(), '416 Range Not Satisfiable\n')
  }
})

onEveryServer(
  'ranges that are malformed, too many, or of another unit are answered with the whole file',
  async (t, serve) => {
    const { get } = await serveLong(t, serve)
    for (const range of ['bytes=5-4', 'bytes=a', 'items=0-1', `bytes=${'0-0,'.repeat(1000)}1-1`, '0-1']) {
      const { status, headers, body } = await get('/long.bin', { headers: { Range: range } })
      assert.deepEqual([status, headers['content-range']], [200, undefined])
      assert.deepEqual(body, long)
    }
  },
)

onEveryServer('several ranges come as parts, in the order asked for', async (t, serve) => {
  const { get, etag } = await serveLong(t, serve)
  const asked = [
    [50_000, 60_000],
    [0, 9],
    [99_999, 99_999],
  ] as const
  const { status, headers, body } = await get('/long.bin', { headers: { Range: 'bytes=50000-60000,0-9,-1' } })
  assert.equal(status, 206)
  assert.equal(headers['content-range'], undefined)
  assert.equal(headers.etag, etag)
  assert.equal(Number(headers['content-length']), body.length)
  const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers['content-type']!)![1]!
  let position = 0
  const take = (expected: string) => {
    assert.equal(body.toString('latin1', position, position + expected.length), expected)
    position += expected.length
  }
  for (const [index, [start, end]] of asked.entries()) {
    take(`${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: application/octet-stream\r\n`)
    take(`Content-Range: bytes ${start}-${end}/100000\r\n\r\n`)
    assert.deepEqual(body.subarray(position, position + end - start + 1), long.subarray(start, end + 1))
    position += end - start + 1
  }
  take(`\r\n--${boundary}--\r\n`)
  assert.equal(position, body.length)
})

onEveryServer('a file put together from ranges is the file', async (t, serve) => {
  const { get, etag } = await serveLong(t, serve)
  const parts: Buffer[] = []
  for (let start = 0; start < long.length; start += 7919) {
    const headers = { Range: `bytes=${start}-${start + 7918}`, 'If-Range': etag }
    parts.push((await get('/long.bin', { headers })).body)
  }
  assert.deepEqual(Buffer.concat(parts), long)
})

onEveryServer('preconditions decide before ranges do', async (t, serve) => {
  const { get, etag } = await serveLong(t, serve)
  const Range = 'bytes=0-1'
  for (const [headers, expected] of [
    [{ 'If-None-Match': etag }, 304],
    [{ 'If-None-Match': `W/${etag}` }, 304],
    [{ 'If-None-Match': `"x", ${etag}` }, 304],
    [{ 'If-None-Match': '*' }, 304],
    [{ 'If-None-Match': '"x"' }, 206],
    [{ 'If-Modified-Since': date }, 304],
    [{ 'If-Modified-Since': date, 'If-None-Match': '"x"' }, 206],
    [{ 'If-Match': etag }, 206],
    [{ 'If-Match': '"x"' }, 412],
    [{ 'If-Match': `W/${etag}` }, 412],
    [{ 'If-Match': '"x"', 'If-None-Match': etag }, 412],
    [{ 'If-Unmodified-Since': date }, 206],
    [{ 'If-Unmodified-Since': 'Sun, 06 Nov 1994 08:49:36 GMT' }, 412],
    [{ 'If-Range': etag }, 206],
    [{ 'If-Range': date }, 206],
    [{ 'If-Range': 'Sun, 06 Nov 1994 08:49:38 GMT' }, 200],
    [{ 'If-Range': `W/${etag}` }, 200],
    [{ 'If-Range': '"x"' }, 200],
    [{ 'If-Range': '"x"', Range: 'bytes=100000-' }, 200],
    [{ 'If-Range': etag, Range: 'bytes=100000-' }, 416],
    [{ 'If-None-Match': etag, Range: 'bytes=100000-' }, 304],
  ] as [Record<string, string>, number][]) {
    const { status, body } = await get('/long.bin', { headers: { Range, ...headers } })
    assert.equal(status, expected, JSON.stringify(headers))
    if (status === 200) assert.deepEqual(body, long)
  }
})

onEveryServer('304 has what steers caches, and nothing about a body', async (t, serve) => {
  const { get, etag } = await serveLong(t, serve)
  for (const method of ['GET', 'HEAD']) {
    const { status, headers } = await get('/long.bin', { method, headers: { 'If-None-Match': etag } })
    assert.equal(status, 304)
    const { date: _date, ...others } = headers
    assert.deepEqual(others, { etag, 'cache-control': 'no-cache', connection: 'close' })
  }
})

onEveryServer('a file that changed has another tag, in whatever way it changed', async (t, serve) => {
  const { folder, get } = await serveLong(t, serve)
  const path = join(folder, 'long.bin')
  const tags = new Set<string>()
  const note = async () => tags.add((await get('/long.bin')).headers.etag!)
  await note()
  writeFileSync(path, Buffer.alloc(100_000))
  await note()
  // The same size and the same time of change: the ctime cannot be set back.
  utimesSync(path, changed, changed)
  await note()
  writeFileSync(join(folder, 'new'), Buffer.alloc(100_000))
  utimesSync(join(folder, 'new'), changed, changed)
  renameSync(join(folder, 'new'), path)
  await note()
  assert.equal(tags.size, 4)
})

onEveryServer('dates that HTTP cannot say, or that lie ahead, are left out or replaced', async (t, serve) => {
  const { folder, get } = await serveLong(t, serve)
  const ahead = new Date(Date.now() + 3_600_000)
  utimesSync(join(folder, 'long.bin'), ahead, ahead)
  const { headers } = await get('/long.bin')
  assert.ok(Date.parse(headers['last-modified']!) <= Date.parse(headers.date!))
  const fresh = { Range: 'bytes=0-1', 'If-Range': headers['last-modified']! }
  assert.equal((await get('/long.bin', { headers: fresh })).status, 200)
})

onEveryServer('HTTP/1.0 is answered as well', async (t, serve) => {
  const { get } = await serveLong(t, serve)
  const { status, body } = await get('/long.bin', { version: '1.0', headers: { Range: 'bytes=0-9' } })
  assert.deepEqual([status, body], [206, long.subarray(0, 10)])
})

for (const prefer of [undefined, 'copy'] as const) {
  test(`a file that shrinks while it is sent breaks the connection, padded by nothing (${prefer ?? 'auto'})`, async t => {
    const results: SendFileResult[] = []
    const folder = folderOf(t, {})
    const path = join(folder, 'big.bin')
    closeSync(openSync(path, 'w'))
    truncateSync(path, 64 * MiB)
    const { port } = await serve(t, folder, { prefer, onSend: result => void results.push(result) })
    let received = 0
    const socket = net.connect(port, '127.0.0.1', () => socket.write(requestText('/big.bin')))
    socket.on('error', () => {})
    await new Promise<void>(resolve => socket.once('readable', resolve))
    truncateSync(path, 20 * MiB)
    socket.on('data', chunk => {
      received += chunk.length
    })
    await new Promise<void>(resolve => socket.once('close', () => resolve()))
    assert.ok(received < 64 * MiB)
    await until(() => results.length === 1)
    assert.equal((results[0]!.error as NodeJS.ErrnoException).code, 'ERR_SLUICE_FILE_SHRANK')
    assert.ok(results[0]!.bytes >= 20 * MiB - MiB && results[0]!.bytes < 64 * MiB)
  })

  test(`a file that grows while it is sent is sent as long as it was (${prefer ?? 'auto'})`, async t => {
    const bytes = randomBytes(16 * MiB)
    const folder = folderOf(t, { 'big.bin': bytes, 'next.txt': 'next' })
    const { port } = await serve(t, folder, { prefer })
    const chunks: Buffer[] = []
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(requestText('/big.bin') + requestText('/next.txt', { headers: { Connection: 'close' } }))
    })
    await new Promise<void>(resolve => socket.once('readable', resolve))
    appendFileSync(join(folder, 'big.bin'), Buffer.alloc(MiB, 'x'))
    socket.on('data', chunk => chunks.push(chunk))
    await new Promise<void>(resolve => socket.once('close', () => resolve()))
    const received = Buffer.concat(chunks)
    const start = received.indexOf('\r\n\r\n') + 4
    assert.match(received.toString('latin1', 0, start), /Content-Length: 16777216\r\n/)
    assert.ok(received.subarray(start, start + bytes.length).equals(bytes))
    assert.match(
      received.toString('latin1', start + bytes.length),
      /^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\nnext$/,
    )
  })
}

test('requests leave the number of descriptors where it was', async t => {
  const bytes = randomBytes(8 * MiB)
  const folder = folderOf(t, { 'big.bin': bytes, 'x.js': 'x', 'x.js.gz': 'g' })
  let answered = 0
  const get = await serve(t, folder, { listing: true, onSend: () => void answered++ })
  const { headers } = await get('/big.bin', { method: 'HEAD' })
  const before = descriptorCount()
  const expected = answered
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 10 }, () => abortedDownload(get.port)))
  }
  await until(() => answered === expected + 200)
  for (let count = 0; count < 200; count++) {
    await get('/big.bin', { headers: { 'If-None-Match': headers.etag! } })
    await get('/big.bin', { method: 'HEAD' })
    await get(['/nothing', '/..', '/', '/x.js', '/x.js'][count % 5]!, {
      headers: { Range: 'bytes=9-', 'Accept-Encoding': count % 2 ? 'gzip' : 'br' },
    })
  }
  await until(() => !(descriptorCount() > before))
})

/** Reads the head and a little, then resets the connection. */
function abortedDownload(port: number): Promise<void> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(requestText('/big.bin')))
    socket.once('readable', () => socket.resetAndDestroy())
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
}
