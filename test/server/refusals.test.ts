/** What is no request is answered with what is wrong, and the answer arrives. */
import assert from 'node:assert/strict'
import { folderOf, requestText } from '../http/support.js'
import type { RawClient } from '../support/raw-http.js'
import { onEachEngine } from './support.js'

const refused: [what: string, head: string, status: number][] = [
  ['a bare line feed', 'GET / HTTP/1.1\nHost: x\n\n', 400],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400],
  ['a folded line', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n', 400],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n', 400],
  ['a body of GET', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello', 400],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
  [
    'a length and chunks',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['chunks', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 501],
  ['an enormous length', `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${'9'.repeat(20)}\r\n\r\n`, 413],
  ['a long target', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
  ['a long head', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['many fields', `GET / HTTP/1.1\r\nHost: x\r\n${'X: x\r\n'.repeat(200)}\r\n`, 431],
  ['an expectation', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n', 417],
  ['an unknown method', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 501],
  ['another version', 'GET / HTTP/3.0\r\nHost: x\r\n\r\n', 505],
  ['the beginning of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
]

onEachEngine(
  'each refusal has its status, says that it closes, and is not lost to a reset',
  async (t, start) => {
    const { server, connect } = await start(t, folderOf(t, { 'a.txt': 'a' }))
    for (const [what, head, status] of refused) {
      const client = connect()
      // What comes after it lies unread in the server's socket, which must not be closed with it there.
      const written = write(client, `${head}${'junk '.repeat(100_000)}`)
      const response = await client.response()
      assert.deepEqual([response.status, response.headers.get('connection')], [status, 'close'], what)
      assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
      assert.equal((await client.rest()).length, 0, what)
      assert.equal(await written, null, what)
      client.peer.socket.destroy()
    }
    assert.equal(server.counters.refusedHeads, refused.length)
    assert.equal(server.counters.requests, 0)
  },
)

/** Resolves when the kernel has taken all of it → what went wrong, such as a reset. */
function write({ peer }: RawClient, text: string): Promise<Error | null> {
  return new Promise(resolve => peer.socket.write(text, 'latin1', error => resolve(error ?? null)))
}

onEachEngine('what came before a refused head is answered', async (t, start) => {
  const { connect } = await start(t, folderOf(t, { 'a.txt': 'a' }))
  const client = connect()
  client.peer.socket.write(`${requestText('/a.txt').repeat(3)}GARBAGE\r\n\r\n${requestText('/a.txt')}`)
  for (let i = 0; i < 3; i++) assert.equal((await client.response()).status, 200)
  assert.equal((await client.response()).status, 400)
  assert.equal((await client.rest()).length, 0)
})

onEachEngine('a request with a body is answered, its body not taken for a request', async (t, start) => {
  const { connect } = await start(t, folderOf(t, { 'a.txt': 'a' }))
  const client = connect()
  const body = requestText('/a.txt').repeat(5000)
  client.peer.socket.write(
    requestText('/a.txt', { method: 'POST', headers: { 'Content-Length': `${body.length}` } }),
  )
  client.peer.socket.write(body)
  const { status, headers } = await client.response()
  assert.deepEqual([status, headers.get('connection')], [405, 'close'])
  assert.equal((await client.rest()).length, 0)
})
