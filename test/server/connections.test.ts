/** What a connection may do: keep going, be slow, be rude, and be one too many. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { settledMs } from '#sluice/server/response-cache.js'
import { folderOf, parseAnswers, requestText } from '../http/support.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { eventually, pause } from '../support/eventually.js'
import { begun, ending, longHeadBytes, onEachEngine, stuckBytes } from './support.js'

const last = requestText('/a.txt', { headers: { Connection: 'close' } })

onEachEngine('one connection is answered again and again', async (t, start) => {
  const { server, connect } = await start(t, folderOf(t, { 'a.txt': 'a' }))
  const client = connect()
  // By then its last change is over.
  await pause(settledMs)
  for (let i = 0; i < 100; i++) {
    client.get('/a.txt')
    const { status, body, headers } = await client.response()
    assert.deepEqual([status, body.toString(), headers.get('connection')], [200, 'a', undefined])
  }
  const { requests, connections, answers2xx, fromMemory } = server.counters
  assert.deepEqual([requests, connections, answers2xx], [100, 1, 100])
  // At first, and now and then, it is looked at the file.
  assert.ok(fromMemory > 0 && fromMemory < 100)
})

onEachEngine('a connection on which much was asked ends when the client ends it', async (t, start) => {
  const { server, connect } = await start(t, folderOf(t, { 'a.txt': 'a' }))
  const client = connect()
  await pause(settledMs)
  for (let i = 0; i < 10; i++) {
    client.get('/a.txt')
    await client.response()
  }
  // Nothing of the server's holds the socket any more, which is when the client sees the end.
  client.peer.socket.end()
  assert.equal(await ending(client), 'end')
  await eventually(
    () => server.counters.connectionsClosed === 1,
    () => 'the connection is counted on',
  )
})

onEachEngine('HTTP/1.0 is kept alive where it asks, and told so', async (t, start) => {
  const { connect } = await start(t, folderOf(t, { 'a.txt': 'a' }))
  const client = connect()
  client.send('GET /a.txt HTTP/1.0', 'Connection: keep-alive')
  assert.equal((await client.response()).headers.get('connection'), 'keep-alive')
  client.send('GET /a.txt HTTP/1.0')
  assert.equal((await client.response()).headers.get('connection'), 'close')
  assert.equal((await client.rest()).length, 0)
})

onEachEngine('ten thousand requests in one write are all answered, and little is kept', async (t, start) => {
  const count = 10_000
  const { server, connect } = await start(t, folderOf(t, { 'a.txt': 'x'.repeat(1000) }))
  const client = connect({ reading: false })
  client.peer.socket.write(requestText('/a.txt').repeat(count) + last)
  // While the client does not read, requests are not read either: they wait in the sockets and with the client.
  await eventually(
    () => server.counters.requests > 0,
    () => 'nothing was answered',
  )
  const bytes = await client.rest()
  const answers = parseAnswers(bytes, Array(count + 1).fill('GET'))
  assert.ok(answers.every(({ status, body }) => status === 200 && body.length === 1000))
  assert.equal(server.counters.requests, count + 1)
})

onEachEngine('requests that wait behind a client that does not read are not read', async (t, start) => {
  const count = 1_000_000
  const folder = folderOf(t, { 'a.txt': 'x'.repeat(60_000) })
  const { server, connect } = await start(t, folder)
  const client = connect({ reading: false })
  client.peer.socket.write(requestText('/a.txt').repeat(count))
  let before = -1
  while (server.counters.requests === 0 || server.counters.requests !== before) {
    before = server.counters.requests
    await pause(200)
  }
  // Nothing moves any more: most of them could not even be sent.
  assert.ok(client.peer.socket.writableLength > 0)
  assert.ok(server.counters.requests < count / 100)
})

onEachEngine('heads are understood wherever they are cut', async (t, start) => {
  const { connect } = await start(t, folderOf(t, { 'a.txt': 'a' }))
  const head = requestText('/a.txt', { headers: { 'Accept-Encoding': 'gzip', Range: 'bytes=0-' } })
  const client = connect()
  client.peer.socket.setNoDelay(true)
  for (let cut = 1; cut < head.length; cut++) {
    client.peer.socket.write(head.slice(0, cut))
    // The rest is to come in another packet.
    await new Promise(setImmediate)
    client.peer.socket.write(head.slice(cut))
    assert.equal((await client.response()).status, 206, `cut at ${cut}`)
  }
})

onEachEngine('a head that comes byte by byte, across buffers, with another behind it', async (t, start) => {
  const { connect } = await start(t, folderOf(t, { 'a.txt': 'a' }))
  const client = connect()
  client.peer.socket.setNoDelay(true)
  const head = requestText('/a.txt', { headers: { 'X-Long': 'x'.repeat(longHeadBytes) } })
  for (const byte of head.slice(0, 200)) {
    client.peer.socket.write(byte)
    await new Promise(setImmediate)
  }
  client.peer.socket.write(head.slice(200) + last)
  assert.equal((await client.response()).status, 200)
  assert.equal((await client.response()).headers.get('connection'), 'close')
})

onEachEngine('a client that ends its side after the request gets its answer', async (t, start) => {
  const body = Buffer.alloc(stuckBytes / 8, 'x')
  const { connect } = await start(t, folderOf(t, { 'a.txt': 'a', 'big.bin': body }))
  for (const [target, length] of [
    ['/a.txt', 1],
    ['/big.bin', body.length],
    ['/nothing', 14],
  ] as const) {
    const client = connect()
    client.peer.socket.end(requestText('/a.txt') + requestText(target))
    assert.equal((await client.response()).status, 200)
    assert.equal((await client.response()).body.length, length)
    assert.equal((await client.rest()).length, 0)
  }
})

onEachEngine('a client that takes nothing is cut off in the end', async (t, start) => {
  const before = openDescriptors()
  const { server, connect } = await start(t, folderOf(t, { 'big.bin': Buffer.alloc(stuckBytes) }), {
    stallMs: 300,
  })
  const client = connect({ reading: false })
  client.get('/big.bin')
  await eventually(
    () => server.counters.brokenOff === 1,
    () => 'the client was not cut off',
  )
  assert.equal(server.counters.timeouts, 1)
  assert.ok((await client.rest()).length < stuckBytes)
  client.peer.socket.destroy()
  await server.close()
  await descriptorsBackTo(before)
})

onEachEngine('a client that takes its answer slowly gets all of it', async (t, start) => {
  const { server, connect } = await start(t, folderOf(t, { 'big.bin': Buffer.alloc(stuckBytes / 4, 'x') }), {
    stallMs: 1000,
  })
  const client = connect({ reading: false })
  const { peer } = client
  client.get('/big.bin')
  while (peer.bytes < stuckBytes / 4) {
    peer.socket.resume()
    await once(peer.socket, 'data')
    peer.socket.pause()
    await pause(1)
  }
  assert.equal(server.counters.timeouts, 0)
})

onEachEngine('half a head is answered with 408 when its time is over', async (t, start) => {
  const { server, connect } = await start(t, folderOf(t, {}), { headMs: 200 })
  const client = connect()
  client.peer.socket.write('GET / HTTP/1.1\r\nHo')
  const { status, headers } = await client.response()
  assert.deepEqual([status, headers.get('connection')], [408, 'close'])
  assert.equal((await client.rest()).length, 0)
  assert.equal(server.counters.timeouts, 1)
})

onEachEngine('a head that comes a little at a time does not get more time', async (t, start) => {
  const { connect } = await start(t, folderOf(t, {}), { headMs: 300 })
  const client = connect()
  client.peer.socket.write('GET / HTTP/1.1\r\n')
  const drip = setInterval(() => client.peer.socket.write('X-Drip: 1\r\n'), 20)
  t.after(() => clearInterval(drip))
  assert.equal((await client.response()).status, 408)
})

onEachEngine(
  'who says nothing is closed without a word: at first, and between requests',
  async (t, start) => {
    const { connect } = await start(t, folderOf(t, { 'a.txt': 'a' }), { headMs: 200, idleMs: 200 })
    const silent = connect()
    assert.equal((await silent.rest()).length, 0)
    const idle = connect()
    idle.get('/a.txt')
    assert.equal((await idle.response()).status, 200)
    assert.equal((await idle.rest()).length, 0)
  },
)

onEachEngine(
  'more connections than allowed are closed at once, and later ones are welcome',
  async (t, start) => {
    const { server, connect } = await start(t, folderOf(t, { 'a.txt': 'a' }), { connectionsMax: 3 })
    const clients = [connect(), connect(), connect()]
    for (const client of clients) {
      client.get('/a.txt')
      assert.equal((await client.response()).status, 200)
    }
    const refused = connect()
    await ending(refused)
    assert.equal(refused.peer.bytes, 0)
    assert.equal(server.counters.connectionsRefused, 1)
    clients[0]!.peer.socket.destroy()
    await eventually(
      () => server.counters.connectionsClosed === 2,
      () => 'the connection is not noticed to be closed',
    )
    const welcome = connect()
    welcome.get('/a.txt')
    assert.equal((await welcome.response()).status, 200)
  },
)

onEachEngine('a reset in the middle of an answer is counted, and nothing stays', async (t, start) => {
  const { server, connect } = await start(
    t,
    folderOf(t, { 'big.bin': Buffer.alloc(stuckBytes), 'a.txt': 'a' }),
  )
  const before = openDescriptors()
  const client = connect({ reading: false })
  client.get('/big.bin')
  await begun(client)
  client.peer.socket.resetAndDestroy()
  await eventually(
    () => server.counters.brokenOff === 1,
    () => 'the reset is not noticed',
  )
  assert.equal(server.counters.resets, 1)
  const idle = connect()
  idle.get('/a.txt')
  await idle.response()
  idle.peer.socket.resetAndDestroy()
  await eventually(
    () => server.counters.resets === 2,
    () => 'the reset of an idle connection is not noticed',
  )
  await eventually(
    () => server.counters.connectionsClosed === 2,
    () => 'a connection stays',
  )
  // Of the file that is remembered one descriptor may stay.
  await eventually(
    () => openDescriptors().length <= before.length + 1,
    () => 'descriptors stay',
  )
})
