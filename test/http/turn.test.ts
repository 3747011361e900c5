/** Requests that are sent without waiting for the answers. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { type SendFileResult, sendFile, serveStatic } from '#sluice/http/index.js'
import { onEveryServer } from './servers.js'
import {
  ask,
  descriptorCount,
  folderOf,
  listen,
  parseAnswers,
  requestText,
  sendRaw,
  serve,
  until,
} from './support.js'

onEveryServer('answers come in the order of the requests, whatever they are', async (t, serve) => {
  const big = randomBytes(2 * MiB)
  const get = await serve(
    t,
    folderOf(t, { 'a.txt': 'a', 'big.bin': big, 'dir/index.html': 'dir', 'x.js': 'x', 'x.js.br': 'br' }),
  )
  const requests: [string, Parameters<typeof requestText>[1], number, string][] = []
  for (let round = 0; round < 20; round++) {
    requests.push(
      ['/a.txt', {}, 200, 'a'],
      ['/nothing', {}, 404, '404 Not Found\n'],
      ['/a.txt', { method: 'HEAD' }, 200, ''],
      ['/big.bin', {}, 200, big.toString('latin1')],
      ['/..', {}, 400, '400 Bad Request\n'],
      ['/big.bin', { headers: { Range: 'bytes=1-3' } }, 206, big.toString('latin1', 1, 4)],
      ['/a.txt', { headers: { 'If-None-Match': '*' } }, 304, ''],
      ['/dir/', {}, 200, 'dir'],
      ['/x.js', { headers: { 'Accept-Encoding': 'br' } }, 200, 'br'],
      ['/a.txt', { method: 'POST', headers: { 'Content-Length': '0' } }, 405, '405 Method Not Allowed\n'],
    )
  }
  const last = requestText('/a.txt', { headers: { Connection: 'close' } })
  const text = requests.map(([target, question]) => requestText(target, question)).join('') + last
  const methods = [...requests.map(([, question]) => question?.method ?? 'GET'), 'GET']
  const answers = parseAnswers(await sendRaw(get.port, text), methods)
  assert.equal(answers.length, requests.length + 1)
  for (const [index, [target, , status, body]] of requests.entries()) {
    const answer = answers[index]!
    assert.equal(answer.status, status, target)
    assert.ok(answer.body.toString('latin1') === body, target)
  }
})

test('a body that came with a request is not taken for the next request', async t => {
  const get = await serve(t, folderOf(t, { 'a.txt': 'a', 'b.txt': 'b' }))
  const hidden = requestText('/hidden')
  const text =
    requestText('/a.txt', { headers: { 'Content-Length': String(hidden.length) } }) +
    hidden +
    requestText('/b.txt', { headers: { Connection: 'close' } })
  const answers = parseAnswers(await sendRaw(get.port, text), ['GET', 'GET'])
  assert.deepEqual(
    answers.map(({ body }) => body.toString()),
    ['a', 'b'],
  )
})

test('requests that wait hold no files, are read no faster than answered, and all are answered', async t => {
  const count = 8000
  let called = 0
  const handler = serveStatic(folderOf(t, { 'big.bin': Buffer.alloc(32 * MiB), 'a.txt': 'a' }))
  t.after(() => handler.close())
  const port = await listen(t, (req, res) => {
    called++
    handler(req, res)
  })
  const before = descriptorCount()
  const socket = net.connect(port, '127.0.0.1')
  socket.pause()
  socket.write(requestText('/big.bin') + requestText('/a.txt').repeat(count))
  socket.write(requestText('/a.txt', { headers: { Connection: 'close' } }))
  // Meanwhile the server answers others; every one of these makes sure that its loop went round.
  for (let i = 0; i < 50; i++) assert.equal((await ask(port, '/a.txt')).status, 200)
  assert.ok(!(descriptorCount() > before + 10))
  assert.ok(called < count / 2)
  let received = ''
  let bytes = 0
  socket.on('data', chunk => {
    bytes += chunk.length
    received = (received + chunk.toString('latin1')).slice(-300)
  })
  socket.resume()
  await new Promise(resolve => socket.once('end', resolve))
  assert.match(received, /Connection: close\r\n\r\na$/)
  assert.ok(bytes > 32 * MiB + count)
})

test('requests whose connection closes while they wait are told of', async t => {
  const results: SendFileResult[] = []
  const folder = folderOf(t, { 'big.bin': Buffer.alloc(64 * MiB), 'a.txt': 'a' })
  const get = await serve(t, folder, { onSend: result => void results.push(result) })
  const before = descriptorCount()
  const socket = net.connect(get.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(requestText('/big.bin') + requestText('/a.txt').repeat(5))
  await new Promise<void>(resolve => socket.once('readable', resolve))
  socket.resetAndDestroy()
  await until(() => results.length === 6)
  for (const { error } of results) assert.ok(error !== null)
  await until(() => !(descriptorCount() > before))
})

test('sendFile waits for its turn as well, and settles when there will be none', async t => {
  const folder = folderOf(t, { 'big.bin': Buffer.alloc(64 * MiB), 'a.txt': 'a' })
  const results: SendFileResult[] = []
  const port = await listen(t, async (req, res) => {
    results.push(await sendFile(req, res, req.url!, { root: folder }))
  })
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(requestText('/big.bin') + requestText('/a.txt').repeat(5))
  await new Promise<void>(resolve => socket.once('readable', resolve))
  socket.resetAndDestroy()
  await until(() => results.length === 6)
  for (const { error } of results) assert.ok(error !== null)
})
