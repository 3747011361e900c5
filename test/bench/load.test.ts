/** The load generator against servers that misbehave: what it counts is what a comparison rests on. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import {
  describeErrors,
  type Load,
  type LoadLimits,
  type LoadResult,
  runLoad,
} from '../../bench/measure/load.js'
import { compileProgram } from '../../bench/programs.js'

const body = 'x'.repeat(1000)
const okHead = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`
const noErrors = { connect: 0, reset: 0, short: 0, protocol: 0, status: 0, length: 0, timeout: 0 }

let server: Server
/** What the server does with a request; each test sets its own. */
let answer: (socket: Socket, request: number) => void
let requests: number

before(async () => {
  compileProgram('client')
  server = createServer({ noDelay: true }, socket => {
    socket.on('error', () => {})
    let received = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      const parts = (received + chunk).split('\r\n\r\n')
      received = parts.pop()!
      for (const _ of parts) answer(socket, requests++)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})

after(() => server.close())

async function load(
  how: Partial<Load>,
  limits: Partial<LoadLimits>,
  answering: typeof answer = socket => socket.write(okHead + body),
): Promise<LoadResult> {
  requests = 0
  answer = answering
  const { port } = server.address() as { port: number }
  return await runLoad({ path: '/', connections: 1, ...how }, { seconds: 5, ...limits }, { port })
}

test('complete answers are counted, with the bytes of their bodies alone', async () => {
  const result = await load({ connections: 4, length: body.length }, { requests: 100 })
  assert.equal(result.requests, 100)
  assert.equal(result.bytes, 100 * body.length)
  assert.deepEqual(result.errors, noErrors)
  assert.equal(requests, 100)
})

test('it ends by the clock, with every request answered', async () => {
  const result = await load({ connections: 2 }, { seconds: 0.1 })
  assert.ok(result.requests > 0)
  assert.equal(result.requests, requests)
})

test('answers to pipelined requests are told apart however they are cut', async () => {
  const result = await load({ pipeline: 8 }, { requests: 64 }, socket => {
    socket.write(okHead.slice(0, 10))
    socket.write(okHead.slice(10) + body.slice(0, 700))
    socket.write(body.slice(700))
  })
  assert.equal(result.requests, 64)
  assert.equal(result.bytes, 64 * body.length)
  assert.deepEqual(result.errors, noErrors)
})

test('a large body is counted to the byte', async () => {
  const large = Buffer.alloc(3_000_001)
  const result = await load({}, { requests: 3 }, socket => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length:${large.length}\r\n\r\n`)
    socket.write(large)
  })
  assert.equal(result.bytes, 3 * large.length)
  assert.deepEqual(result.errors, noErrors)
})

test('an answer without a body is complete with its head', async () => {
  const result = await load({}, { requests: 3 }, socket => socket.write('HTTP/1.1 304 Not Modified\r\n\r\n'))
  assert.equal(result.requests, 3)
  assert.equal(result.bytes, 0)
})

test('a connection closed inside a body is a short answer', async () => {
  const result = await load({}, { requests: 2 }, socket => socket.end(okHead + body.slice(1)))
  assert.deepEqual(result.errors, { ...noErrors, short: 2 })
  assert.equal(result.requests, 0)
  assert.equal(result.bytes, 0)
})

test('a connection closed without an answer is a short answer', async () => {
  const result = await load({}, { requests: 2 }, socket => socket.end())
  assert.deepEqual(result.errors, { ...noErrors, short: 2 })
})

test('a reset is an error, and the next request has a new connection', async () => {
  const result = await load({}, { requests: 3 }, (socket, request) => {
    if (request === 1) socket.resetAndDestroy()
    else socket.write(okHead + body)
  })
  assert.deepEqual(result.errors, { ...noErrors, reset: 1 })
  assert.equal(result.requests, 2)
})

test('another length than expected is an error', async () => {
  const result = await load({ length: body.length + 1 }, { requests: 1 })
  assert.deepEqual(result.errors, { ...noErrors, length: 1 })
})

test('a status that is not a success is an error', async () => {
  const refusal = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
  const result = await load({}, { requests: 1 }, socket => socket.write(refusal))
  assert.deepEqual(result.errors, { ...noErrors, status: 1 })
})

test('an answer without a length that can be trusted is an error', async () => {
  for (const head of ['', 'Content-Length: 1x\r\n', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n']) {
    const result = await load({}, { requests: 1 }, socket =>
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\nhello`),
    )
    assert.deepEqual(result.errors, { ...noErrors, protocol: 1 }, head)
  }
})

test('bytes that nobody asked for are an error', async () => {
  const result = await load({}, { requests: 1 }, socket => socket.write(`${okHead + body}more`))
  assert.equal(result.requests, 1)
  assert.deepEqual(result.errors, { ...noErrors, protocol: 1 })
})

test('silence is an error when the time for it is over', async () => {
  const result = await load({}, { requests: 1, timeoutSeconds: 0.1 }, () => {})
  assert.deepEqual(result.errors, { ...noErrors, timeout: 1 })
})

test('a refused connection is an error', async () => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as { port: number }
  closed.close()
  await once(closed, 'close')
  const result = await runLoad({ path: '/', connections: 2 }, { seconds: 5 }, { port })
  assert.deepEqual(result.errors, { ...noErrors, connect: 2 })
})

test('a server that announces the end of a connection is asked again on a new one', async () => {
  const closing = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const result = await load({ pipeline: 2 }, { requests: 6 }, socket => socket.end(closing))
  assert.equal(result.requests, 6)
  assert.deepEqual(result.errors, noErrors)
  assert.ok(result.reconnects >= 5)
})

test('a fixed rate issues what the schedule says', async () => {
  const result = await load({ connections: 4, rate: 500 }, { seconds: 0.2 })
  assert.equal(result.requests + result.missed, 100)
  assert.deepEqual(result.errors, noErrors)
})

test('at a fixed rate a stall counts for every request that it delays', async () => {
  const stallMs = 300
  const result = await load({ rate: 100 }, { seconds: 0.4, requests: 20 }, (socket, request) => {
    if (request === 0) setTimeout(() => socket.write(okHead + body), stallMs)
    else socket.write(okHead + body)
  })
  assert.equal(result.requests, 20)
  // The 10th request was due 90 ms after the first and could not be issued before the first was answered.
  assert.ok(result.latencyUs.p50 >= (stallMs - 110) * 1000, `${result.latencyUs.p50} µs`)
})

test('at a fixed rate what was due and never issued is told', async () => {
  const result = await load({ rate: 1000 }, { seconds: 0.1, timeoutSeconds: 0.2 }, () => {})
  assert.equal(result.requests, 0)
  assert.equal(result.missed, 99)
  assert.deepEqual(result.errors, { ...noErrors, timeout: 1 })
})

test('errors are described by count and kind, and no error by nothing', () => {
  assert.equal(describeErrors({ ...noErrors, short: 3, reset: 1 }), '1 reset, 3 short')
  assert.equal(describeErrors(noErrors), '')
})
