/** What a response's head says of its body. The transfers themselves are in responses.test.ts. */
import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { connectionOf, hasBody, headOf, noteBody, prepareHead } from '#sluice/transfer/ends/response.js'

test('a body follows, but not to HEAD, 204 and 304', () => {
  assert.ok(hasBody(response()))
  assert.ok(!hasBody(response('HEAD')))
  for (const status of [204, 304]) {
    const res = response()
    res.statusCode = status
    assert.ok(!hasBody(res))
  }
})

test('the length is announced where nothing was, and what is left is counted', () => {
  const res = response()
  assert.equal(prepareHead(res, 100), 100)
  assert.equal(res.getHeader('content-length'), 100)
  noteBody(res, 30)
  noteBody(res, 20)
  assert.equal(prepareHead(res, 50), 50)
  assert.throws(() => prepareHead(res, 51), {
    code: 'ERR_SLUICE_CONTENT_LENGTH',
    message: /100 bytes, 50 are left/,
  })
})

test('what the caller says that the head announces is believed', () => {
  const res = response()
  res.writeHead(200, ['Content-Length', '7'])
  assert.equal(prepareHead(res, 7, 7), 7)
  assert.throws(() => prepareHead(res, 8, 7), { code: 'ERR_SLUICE_CONTENT_LENGTH' })
})

test('where the head says nothing, nothing is counted', () => {
  const chunked = response()
  chunked.setHeader('Transfer-Encoding', 'chunked')
  assert.equal(prepareHead(chunked, 100), null)
  assert.equal(prepareHead(response(), null), null)
  const nonsense = response()
  nonsense.setHeader('Content-Length', 'many')
  assert.equal(prepareHead(nonsense, 100), null)
})

test('a head can be taken once, and only before Node has sent it', () => {
  const res = response()
  assert.equal(headOf(res), null, 'there is none yet')
  prepareHead(res, 5)
  const [head, again] = [headOf(res)!, headOf(res)!]
  assert.match(head.take()!, /^HTTP\/1\.1 200 OK\r\n[\s\S]*content-length: 5\r\n[\s\S]*\r\n\r\n$/i)
  assert.equal(head.take(), null)
  assert.equal(again.take(), null)
  assert.equal(headOf(res), null)
})

test('the connection is waited for, unless it is there or cannot come', async () => {
  const connection = new Socket()
  const waiting = response('GET', connection)
  const coming = connectionOf(waiting)
  waiting.assignSocket(connection)
  assert.equal(await coming, connection)
  assert.equal(connectionOf(waiting), connection)
  waiting.detachSocket(connection)
  const late = connectionOf(response('GET', connection))
  connection.destroy()
  await assert.rejects(async () => late, { code: 'ERR_SLUICE_SOCKET_CLOSED' })
  await assert.rejects(async () => connectionOf(response('GET', connection)), {
    code: 'ERR_SLUICE_SOCKET_CLOSED',
  })
})

test('a hundred responses that wait on one connection have one listener there', async () => {
  const connection = new Socket()
  const before = connection.listenerCount('close')
  const waiting = Array.from({ length: 100 }, () => connectionOf(response('GET', connection)))
  assert.equal(connection.listenerCount('close'), before + 1)
  connection.destroy()
  const outcomes = await Promise.allSettled(waiting)
  assert.ok(outcomes.every(({ status }) => status === 'rejected'))
  assert.equal(connection.listenerCount('close'), before)
})

function response(method = 'GET', connection = new Socket()): ServerResponse {
  const req = new IncomingMessage(connection)
  req.method = method
  req.httpVersionMajor = 1
  req.httpVersionMinor = 1
  return new ServerResponse(req)
}
