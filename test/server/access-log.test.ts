/** The access log: a line for every answer, whole, and never waited for. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { ask, folderOf, requestText } from '../http/support.js'
import { eventually } from '../support/eventually.js'
import { temporaryFolder } from '../support/temporary.js'
import { onEachEngine, stuckBytes } from './support.js'

onEachEngine('a line says who asked what, and what came of it', async (t, start) => {
  const path = join(temporaryFolder(t), 'log')
  const log = openSync(path, 'a')
  t.after(() => closeSync(log))
  const big = Buffer.alloc(stuckBytes)
  const folder = folderOf(t, { 'a.txt': 'hello', 'big.bin': big, 'long.bin': Buffer.alloc(100_000) })
  const { server, connect } = await start(t, folder, { log })
  const client = connect()
  for (const [line, length] of [
    ['GET /a.txt?"\\x HTTP/1.1', 5],
    ['GET /a.txt HTTP/1.1', 5],
    ['GET /a.txt HTTP/1.1', 5],
    ['HEAD /a.txt HTTP/1.1', 0],
    ['GET /long.bin HTTP/1.1', 100_000],
    ['GET /none HTTP/1.1', 14],
  ] as const) {
    client.send(line, 'Host: test')
    const { body } = await client.response({ withoutBody: line.startsWith('HEAD') })
    assert.equal(body.length, length)
  }
  client.get('/big.bin')
  await client.peer.take(client.peer.bytes + 1)
  client.peer.socket.resetAndDestroy()
  await eventually(
    () => server.counters.brokenOff === 1,
    () => 'the reset is not noticed',
  )
  await server.close()
  const lines = readFileSync(path, 'latin1').trimEnd().split('\n')
  const now = '\\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d \\+0000\\]'
  const expected = [
    '"GET /a\\.txt\\?\\\\x22\\\\x5cx HTTP/1\\.1" 200 5 sendfile \\d+ms',
    '"GET /a\\.txt HTTP/1\\.1" 200 5 sendfile \\d+ms',
    '"GET /a\\.txt HTTP/1\\.1" 200 5 (memory|sendfile) \\d+ms',
    '"HEAD /a\\.txt HTTP/1\\.1" 200 0 - \\d+ms',
    '"GET /long\\.bin HTTP/1\\.1" 200 100000 sendfile \\d+ms',
    '"GET /none HTTP/1\\.1" 404 14 - \\d+ms',
    '"GET /big\\.bin HTTP/1\\.1" 200 \\d+ sendfile \\d+ms broken off',
  ]
  assert.equal(lines.length, expected.length)
  for (const [index, line] of lines.entries())
    assert.match(line, new RegExp(`^127\\.0\\.0\\.1 - - ${now} ${expected[index]}$`))
})

onEachEngine('lines of several threads are whole, and all there', async (t, start) => {
  const path = join(temporaryFolder(t), 'log')
  const log = openSync(path, 'w')
  t.after(() => closeSync(log))
  const count = 3000
  const { server, port, connect } = await start(t, folderOf(t, { 'a.txt': 'a' }), { log, threads: 3 })
  const asking = Array.from({ length: 6 }, async (_, index) => {
    const client = connect()
    const question = requestText(`/a.txt?${'x'.repeat(50 * index)}`)
    client.peer.socket.write(
      question.repeat(count - 1) + requestText('/a.txt', { headers: { Connection: 'close' } }),
    )
    await client.rest()
  })
  await Promise.all(asking)
  await ask(port, '/a.txt')
  await server.close()
  const lines = readFileSync(path, 'latin1').trimEnd().split('\n')
  assert.equal(lines.length, 6 * count + 1)
  const whole = /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/a\.txt(\?x*)? HTTP\/1\.1" 200 1 (memory|sendfile) \d+ms$/
  for (const line of lines) assert.match(line, whole)
})

onEachEngine('whoever does not read the log loses lines, and holds nobody up', async (t, start) => {
  const path = join(temporaryFolder(t), 'pipe')
  execFileSync('mkfifo', [path])
  const log = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.after(() => closeSync(log))
  const { server, connect } = await start(t, folderOf(t, { 'a.txt': 'a' }), { log })
  const client = connect()
  // Lines of 4 KiB each: more than the pipe and the server keep.
  const question = requestText(`/a.txt?${'x'.repeat(4000)}`)
  const count = 500
  client.peer.socket.write(
    question.repeat(count) + requestText('/a.txt', { headers: { Connection: 'close' } }),
  )
  await client.rest()
  assert.equal(server.counters.answers2xx, count + 1)
  assert.ok(server.counters.logLinesLost > 0)
  assert.ok(server.counters.logLinesLost < count)
  // What was kept comes, once somebody reads.
  const chunk = Buffer.alloc(1 << 20)
  let read = 0
  const reader = setInterval(() => {
    try {
      read += readSync(log, chunk)
    } catch {
      // Nothing there now.
    }
  }, 10)
  t.after(() => clearInterval(reader))
  await eventually(
    () => read > 128 * 1024,
    () => `only ${read} bytes came`,
  )
})
