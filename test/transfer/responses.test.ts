/** Transfers to HTTP responses: heads, lengths, turns in a pipeline, and what has no body. */
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { TransferOptions, TransferResult } from '#sluice/transfer/jobs/job.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { pathTaken } from '../support/addon.js'
import { randomFile, sha256 } from '../support/contents.js'
import { httpServer, RawClient } from '../support/raw-http.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const length = 300 * KiB

/** Mapped memory is no path for responses. */
const responsePaths = sendPathNames.filter(path => path !== 'zerocopy')

for (const prefer of responsePaths) {
  test(`${prefer}: the head announces the length where nothing was announced, and the body ends`, async t => {
    const { bytes, exchange } = await exchanges(t, prefer)
    const { response, result } = await exchange(({ transferWhole }) => transferWhole())
    assert.equal(response.headers.get('content-length'), String(length))
    assert.equal(sha256(response.body), sha256(bytes))
    assert.equal(result.path, pathTaken(prefer))
  })

  test(`${prefer}: status, message and headers of the program are kept`, async t => {
    const { exchange } = await exchanges(t, prefer)
    const { response } = await exchange(({ res, transferWhole }) => {
      res.statusCode = 203
      res.setHeader('X-Custom', 'yes')
      return transferWhole()
    })
    assert.equal(response.status, 203)
    assert.equal(response.headers.get('x-custom'), 'yes')
  })

  test(`${prefer}: a length that was announced, in whatever way, is held to`, async t => {
    const { bytes, exchange } = await exchanges(t, prefer)
    const ways: ((res: ServerResponse) => void)[] = [
      res => res.setHeader('Content-Length', length),
      res => res.writeHead(200, { 'content-length': String(length) }),
      res => res.writeHead(200, ['Content-Length', String(length), 'X-Other', '1']),
      res => res.writeHead(200, 'Fine', { 'Content-Length': length }).flushHeaders(),
    ]
    for (const announce of ways) {
      const { response, result } = await exchange(({ res, transferWhole }) => {
        announce(res)
        return transferWhole()
      })
      assert.equal(sha256(response.body), sha256(bytes))
      assert.equal(result.path, pathTaken(prefer))
    }
  })

  test(`${prefer}: several transfers fill the length that was announced, and the last one ends the response`, async t => {
    const { path, bytes, exchange } = await exchanges(t, prefer)
    const { response } = await exchange(async ({ res, options }) => {
      res.setHeader('Content-Length', length)
      await transfer(file(path, { end: 999 }), socket(res), options)
      assert.ok(!res.writableEnded)
      await transfer(file(path, { start: 1000, end: 1999 }), socket(res), options)
      const result = await transfer(file(path, { start: 2000 }), socket(res), options)
      assert.ok(res.writableEnded)
      return result
    })
    assert.equal(sha256(response.body), sha256(bytes))
  })

  test(`${prefer}: what the program writes after a transfer completes the length`, async t => {
    const { bytes, exchange } = await exchanges(t, prefer)
    const { response } = await exchange(async ({ res, transferWhole }) => {
      res.setHeader('Content-Length', length + 5)
      const result = await transferWhole()
      res.end('after')
      return result
    })
    assert.equal(sha256(response.body), sha256(Buffer.concat([bytes, Buffer.from('after')])))
  })

  test(`${prefer}: not one byte is sent of what would go beyond the length announced`, async t => {
    const { path, exchange } = await exchanges(t, prefer)
    const { response } = await exchange(async ({ res, options, transferWhole }) => {
      res.writeHead(200, ['Content-Length', '1000'])
      await assert.rejects(transferWhole(), { code: 'ERR_SLUICE_CONTENT_LENGTH', bytes: 0 })
      await transfer(file(path, { end: 599 }), socket(res), options)
      const beyond = transfer(file(path, { end: 400 }), socket(res), options)
      await assert.rejects(beyond, { code: 'ERR_SLUICE_CONTENT_LENGTH', message: /400 are left/ })
      return transfer(file(path, { end: 399 }), socket(res), options)
    })
    assert.equal(response.body.length, 1000)
  })

  test(`${prefer}: bytes that a failed transfer sent count towards the length`, async t => {
    const { path, bytes, exchange } = await exchanges(t, prefer)
    const { response } = await exchange(async ({ res, options }) => {
      res.setHeader('Content-Length', length)
      const failed = transfer(file(path, { end: 149_999 }), socket(res), {
        ...options,
        onProgress() {
          throw new Error('enough')
        },
      })
      await assert.rejects(failed, /enough/)
      const again = transfer(file(path), socket(res), options)
      await assert.rejects(again, (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_SLUICE_CONTENT_LENGTH')
        assert.match(error.message, /announces 307200 bytes, (\d+) are left/)
        return true
      })
      const sent = length - Number(/(\d+) are left/.exec((await again.catch(error => error)).message)![1])
      assert.ok(sent > 0 && sent <= 150_000)
      return transfer(file(path, { start: sent }), socket(res), options)
    })
    assert.equal(sha256(response.body), sha256(bytes))
  })

  test(`${prefer}: HEAD, 204 and 304 get no body`, async t => {
    const { exchange } = await exchanges(t, prefer)
    const head = await exchange(({ transferWhole }) => transferWhole(), { method: 'HEAD' })
    assert.equal(head.response.headers.get('content-length'), String(length))
    assert.equal(head.result.bytes, 0)
    for (const status of [204, 304]) {
      const { response, result } = await exchange(({ res, transferWhole }) => {
        res.statusCode = status
        return transferWhole()
      })
      assert.equal(response.status, status)
      assert.equal(response.headers.has('content-length'), status === 304)
      assert.equal(result.bytes, 0)
    }
    // The connection is still in step.
    const { response } = await exchange(({ transferWhole }) => transferWhole())
    assert.equal(response.body.length, length)
  })

  test(`${prefer}: HTTP/1.0 gets the body and the end of the connection`, async t => {
    const { bytes, server } = await exchanges(t, prefer)
    for (const connection of ['close', 'keep-alive']) {
      const client = new RawClient(t, server)
      client.send('GET / HTTP/1.0', `Connection: ${connection}`)
      const { headers, body } = await client.response()
      assert.equal(headers.get('content-length'), String(length))
      assert.equal(sha256(body), sha256(bytes))
    }
  })

  test(`${prefer}: HTTP/1.0 without a length announced goes on until the program ends it`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
    const server = await httpServer(t, async (_req, res) => {
      res.writeHead(200)
      res.write('before')
      await transfer(file(path), socket(res), { prefer })
      res.end('after')
    })
    const client = new RawClient(t, server)
    client.send('GET / HTTP/1.0')
    const { body } = await client.response()
    assert.equal(sha256(body), sha256(Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])))
  })

  test(`${prefer}: responses in a pipeline come whole, in the order of the requests`, async t => {
    const folder = temporaryFolder(t)
    const files = new Map(
      ['/a', '/b', '/c', '/d'].map(name => [name, randomFile(folder, name.slice(1), 2 * MiB)] as const),
    )
    const server = await httpServer(t, (req, res) =>
      transfer(file(files.get(req.url!)!.path), socket(res), { prefer }),
    )
    const client = new RawClient(t, server)
    client.peer.socket.pause()
    for (let round = 0; round < 5; round++) for (const name of files.keys()) client.get(name)
    for (let round = 0; round < 5; round++) {
      for (const { bytes } of files.values())
        assert.equal(sha256((await client.response()).body), sha256(bytes))
    }
  })

  test(`${prefer}: a response whose turn never comes fails when the connection closes`, async t => {
    const { path } = randomFile(temporaryFolder(t), 'file.bin', length)
    const outcomes: Promise<unknown>[] = []
    const server = await httpServer(t, (req, res) => {
      // The first one is never answered.
      if (req.url !== '/first')
        outcomes.push(transfer(file(path), socket(res), { prefer }).catch(error => error))
      if (req.url === '/last') client.peer.socket.destroy()
    })
    const client = new RawClient(t, server)
    client.get('/first')
    for (let count = 0; count < 20; count++) client.get('/waiting')
    client.get('/last')
    await new Promise(resolve => client.peer.socket.once('close', resolve))
    for (const error of (await Promise.all(outcomes)) as { code: string }[]) {
      assert.match(error.code, /^ERR_SLUICE_(PEER|SOCKET)_CLOSED$/)
    }
  })

  test(`${prefer}: a deadline ends the wait for a turn in the pipeline`, async t => {
    const { path } = randomFile(temporaryFolder(t), 'file.bin', length)
    let first: ServerResponse
    let outcome: Promise<unknown> | undefined
    const server = await httpServer(t, (req, res) => {
      if (req.url === '/first') first = res
      else outcome = transfer(file(path), socket(res), { prefer, deadlineMs: 20 }).catch(error => error)
      outcome?.then(() => {
        first.end('1')
        res.end('2')
      })
    })
    const client = new RawClient(t, server)
    client.get('/first')
    client.get('/second')
    assert.equal((await client.response()).body.toString(), '1')
    assert.equal((await client.response()).body.toString(), '2')
    assert.equal(((await outcome) as { code: string }).code, 'ERR_SLUICE_DEADLINE')
  })

  test(`${prefer}: a response that has ended takes nothing`, async t => {
    const { exchange } = await exchanges(t, prefer)
    const { response } = await exchange(async ({ res, transferWhole }) => {
      res.setHeader('Content-Length', 2)
      res.end('ok')
      await assert.rejects(transferWhole(), { code: 'ERR_SLUICE_SOCKET_CLOSED' })
      return null as unknown as TransferResult
    })
    assert.equal(response.body.toString(), 'ok')
  })

  test(`${prefer}: a response that is ended during the transfer takes no more`, async t => {
    const { path } = randomFile(temporaryFolder(t), 'file.bin', 8 * MiB)
    const outcome = new Promise<{ code: string }>(resolve => {
      httpServer(t, (_req, res) => {
        const sent = transfer(file(path), socket(res), { prefer, onProgress: () => void res.end() })
        sent.catch(resolve)
      }).then(server => {
        const client = new RawClient(t, server)
        client.get()
        client.peer.take()
      })
    })
    assert.equal((await outcome).code, 'ERR_SLUICE_SOCKET_CLOSED')
  })
}

const copied: Record<string, { prepare(res: ServerResponse): void; why: RegExp }> = {
  'is chunked because it was so announced': {
    prepare: res => res.setHeader('Transfer-Encoding', 'chunked'),
    why: /chunked/,
  },
  'is chunked because its head left without a length': { prepare: res => res.writeHead(200), why: /chunked/ },
  'is chunked because something was written first': { prepare: res => res.write(''), why: /chunked/ },
  'counts its bytes': {
    prepare: res => {
      res.strictContentLength = true
    },
    why: /strictContentLength/,
  },
  'has a write() that other code replaced': {
    prepare: res => {
      const write = res.write
      // As compressing middleware does: it has no callback to offer.
      res.write = (chunk: Uint8Array) => write.call(res, chunk, 'utf8')
    },
    why: /write\(\)/,
  },
}

for (const [what, { prepare, why }] of Object.entries(copied)) {
  test(`a response that ${what} is copied to, and says why`, async t => {
    const { bytes, exchange } = await exchanges(t, 'sendfile')
    const { response, result } = await exchange(async ({ res, transferWhole }) => {
      prepare(res)
      const result = await transferWhole()
      res.end()
      return result
    })
    assert.equal(sha256(response.body), sha256(bytes))
    assert.equal(result.path, 'copy')
    if (pathTaken('sendfile') === 'sendfile') assert.match(result.why, why)
  })
}

interface Handling {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly options: TransferOptions
  transferWhole(): Promise<TransferResult>
}

/** A file, and a server on one kept connection to which each exchange is one request. */
async function exchanges(t: Ending, prefer: PathName) {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const options = { prefer }
  let handle = ({ transferWhole }: Handling): Promise<TransferResult> => transferWhole()
  let outcome: Promise<TransferResult>
  const server = await httpServer(t, (req, res) => {
    outcome = handle({ req, res, options, transferWhole: () => transfer(file(path), socket(res), options) })
    // Where handling fails, the client need not wait for an answer.
    outcome.catch(() => res.destroy())
  })
  const client = new RawClient(t, server)
  const exchange = async (handler: typeof handle, { method = 'GET' } = {}) => {
    handle = handler
    client.send(`${method} / HTTP/1.1`, 'Host: test')
    const response = await client.response({ withoutBody: method === 'HEAD' })
    return { response, result: await outcome }
  }
  return { path, bytes, server, exchange }
}
