/** The proxy between real sockets: what a client and an upstream notice of it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import type { ConnectionEnd } from '#sluice/relay/connection-end.js'
import type { ProxyOptions } from '#sluice/relay/options.js'
import { createProxy } from '#sluice/relay/proxy.js'
import { readProxyHeader, writeProxyHeader } from '#sluice/relay/proxy-header.js'
import { needsAddon } from '../support/addon.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { eventually, pause, watchdogMs } from '../support/eventually.js'
import { temporaryFolder } from '../support/temporary.js'
import {
  deadAddress,
  dial,
  echo,
  hear,
  openProxy,
  readAll,
  saying,
  upstream,
  upstreamServer,
} from './support.js'

/** Keeps what is told of connections that are over. */
function endsOf(): {
  ends: ConnectionEnd[]
  onEnd: (end: ConnectionEnd) => void
  ended(count: number): Promise<void>
} {
  const ends: ConnectionEnd[] = []
  return {
    ends,
    onEnd: end => void ends.push(end),
    ended: count =>
      eventually(
        () => ends.length >= count,
        () => `${ends.length} connections have ended, not ${count}`,
      ),
  }
}

test('bytes go through in both directions, and back-pressure with them', needsAddon, async t => {
  const { ends, onEnd, ended } = endsOf()
  const proxy = await openProxy(t, { upstreams: [await upstream(t, echo)], onEnd })
  const client = await dial(t, proxy)
  const sent = Buffer.alloc(8 * MiB, 'sluice ')
  const received = readAll(client)
  client.end(sent)
  assert.ok((await received).equals(sent))
  client.destroy()
  await ended(1)
  const { toUpstream, toClient, ending, attempts } = ends[0]!
  assert.equal(toUpstream.spliced + toUpstream.copied, sent.length)
  assert.equal(toClient.spliced + toClient.copied, sent.length)
  assert.ok(toUpstream.spliced > toUpstream.copied, 'what is bulk is spliced')
  assert.deepEqual([ending, attempts], ['ended', 1])
  const { connections, connectionsClosed, toUpstreamSpliced, toUpstreamCopied } = proxy.counters
  assert.deepEqual([connections, connectionsClosed], [1, 1])
  assert.equal(toUpstreamSpliced + toUpstreamCopied, sent.length)
})

test('Unix sockets are on either side', needsAddon, async t => {
  const path = join(temporaryFolder(t), 'proxy')
  const proxy = await openProxy(t, { listen: `unix:${path}`, upstreams: [await upstream(t, echo, 'Unix')] })
  assert.deepEqual(proxy.address, { path })
  const client = await dial(t, proxy)
  const received = readAll(client)
  client.end('over two Unix sockets')
  assert.equal(String(await received), 'over two Unix sockets')
})

test('a client that has ended still gets its answer', needsAddon, async t => {
  const answering = await upstream(t, async socket => {
    const asked = await readAll(socket)
    socket.end(`you said ${asked}`)
  })
  const proxy = await openProxy(t, { upstreams: [answering] })
  const client = await dial(t, proxy)
  client.end('hello')
  assert.equal(String(await readAll(client)), 'you said hello')
})

test('an upstream that has ended still gets what the client says', needsAddon, async t => {
  let heard: Promise<Buffer> | undefined
  const ending = await upstream(t, socket => {
    heard = readAll(socket)
    socket.end('I listen')
  })
  const proxy = await openProxy(t, { upstreams: [ending] })
  const client = await dial(t, proxy)
  assert.equal(String(await readAll(client)), 'I listen')
  client.end('so hear')
  assert.equal(String(await heard), 'so hear')
})

test('a reset is passed on as a reset, from either side', needsAddon, async t => {
  const { ends, onEnd, ended } = endsOf()
  const sockets: Socket[] = []
  const proxy = await openProxy(t, {
    upstreams: [await upstream(t, socket => void sockets.push(socket.resume()))],
    onEnd,
  })
  const client = await dial(t, proxy)
  await eventually(
    () => sockets.length === 1,
    () => 'the upstream has no connection',
  )
  const upstreamError = once(sockets[0]!, 'error')
  client.resetAndDestroy()
  assert.equal((await upstreamError)[0].code, 'ECONNRESET')

  const other = await dial(t, proxy)
  await eventually(
    () => sockets.length === 2,
    () => 'the upstream has no second connection',
  )
  const clientError = once(other, 'error')
  other.resume()
  sockets[1]!.resetAndDestroy()
  assert.equal((await clientError)[0].code, 'ECONNRESET')
  await ended(2)
  assert.deepEqual(
    ends.map(({ ending }) => ending),
    ['client reset', 'upstream reset'],
  )
})

test('a client that resets is not kept for an upstream that takes nothing', needsAddon, async t => {
  const { ends, onEnd, ended } = endsOf()
  const proxy = await openProxy(t, {
    upstreams: [await upstream(t, socket => void socket.pause())],
    onEnd,
  })
  const client = await dial(t, proxy)
  client.write(Buffer.alloc(64 * MiB))
  let written = -1
  while (client.bytesWritten - client.writableLength > written) {
    written = client.bytesWritten - client.writableLength
    await pause(100)
  }
  client.resetAndDestroy()
  await ended(1)
  assert.equal(ends[0]!.ending, 'client reset')
})

test('upstreams take turns, and who cannot be connected to is passed over', needsAddon, async t => {
  const { ends, onEnd, ended } = endsOf()
  const upstreams = [await upstream(t, saying('a')), await deadAddress(), await upstream(t, saying('b'))]
  const proxy = await openProxy(t, { upstreams, onEnd, failuresMax: 2, backoffMs: 60_000 })
  const heard: string[] = []
  for (let count = 0; count < 12; count++) heard.push(await hear(t, proxy))
  assert.ok(
    heard.every(word => word === 'a' || word === 'b'),
    heard.join(),
  )
  assert.deepEqual(new Set(heard), new Set(['a', 'b']))
  await ended(12)
  assert.deepEqual(ends.filter(({ attempts }) => attempts === 2).length, 2)
  const down = proxy.upstreams[1]!
  assert.deepEqual([down.state, down.why, down.failed, down.open], ['down', 'ECONNREFUSED', 2, 0])
  assert.equal(proxy.counters.retries, 2)
})

test('where nobody can be connected to, the client is turned away, and told why', needsAddon, async t => {
  const { ends, onEnd, ended } = endsOf()
  const proxy = await openProxy(t, {
    upstreams: [await deadAddress()],
    onEnd,
    attemptsMax: 1,
    failuresMax: 1,
  })
  assert.equal(await hear(t, proxy), '')
  assert.equal(await hear(t, proxy), '')
  await ended(2)
  assert.deepEqual(
    ends.map(({ ending }) => ending),
    ['connect failed', 'no upstream'],
  )
})

test('who finds no place waits for one, in order', needsAddon, async t => {
  const sockets: Socket[] = []
  const address = await upstream(t, socket => void sockets.push(socket))
  const proxy = await openProxy(t, { upstreams: [{ address, connectionsMax: 1 }], queueMax: 1 })
  const first = await dial(t, proxy)
  await eventually(
    () => sockets.length === 1,
    () => 'the first has not arrived',
  )
  const second = await dial(t, proxy)
  await pause(50)
  assert.equal(await hear(t, proxy), '', 'there is no room for a third')
  assert.equal(sockets.length, 1)
  const heard = readAll(second)
  first.resetAndDestroy()
  await eventually(
    () => sockets.length === 2,
    () => 'the second has not arrived',
  )
  sockets[1]!.end('your turn')
  assert.equal(String(await heard), 'your turn')
  assert.deepEqual([proxy.counters.queued, proxy.counters.refused], [1, 1])
})

for (const version of [1, 2] as const) {
  test(`a PROXY header of version ${version} is taken in and sent on`, needsAddon, async t => {
    const address = await upstream(t, async socket => {
      const [bytes] = await once(socket, 'data')
      const header = readProxyHeader(bytes)
      assert.ok(typeof header === 'object')
      socket.end(JSON.stringify([header.source, header.destination, String(bytes.subarray(header.bytes))]))
    })
    const { ends, onEnd, ended } = endsOf()
    const proxy = await openProxy(t, {
      upstreams: [address],
      proxyProtocol: 'both',
      proxyProtocolVersion: version,
      onEnd,
    })
    const source = { address: '192.0.2.7', port: 4321 }
    const destination = { address: '198.51.100.9', port: 5432 }
    const client = await dial(t, proxy)
    const header = writeProxyHeader(version, { source, destination })
    client.write(header.subarray(0, 9))
    await pause(20)
    client.write(Buffer.concat([header.subarray(9), Buffer.from('and this is mine')]))
    assert.deepEqual(JSON.parse(String(await readAll(client))), [source, destination, 'and this is mine'])
    client.destroy()
    await ended(1)
    assert.deepEqual(ends[0]!.client, source)
  })
}

test(
  'what is no PROXY header ends the connection where one is expected, and none in time as well',
  needsAddon,
  async t => {
    const { ends, onEnd, ended } = endsOf()
    const proxy = await openProxy(t, {
      upstreams: [await upstream(t, echo)],
      proxyProtocol: 'in',
      helloMs: 100,
      onEnd,
    })
    const client = await dial(t, proxy)
    client.write('GET / HTTP/1.1\r\n\r\n')
    assert.equal(String(await readAll(client)), '')
    assert.equal(await hear(t, proxy), '')
    await ended(2)
    assert.deepEqual(
      ends.map(({ ending }) => ending),
      ['bad PROXY header', 'hello timeout'],
    )
    assert.equal(proxy.counters.badHellos, 2)
  },
)

test('who is denied is turned away before anything else, by address or by header', needsAddon, async t => {
  const { ends, onEnd, ended } = endsOf()
  const upstreams = [await upstream(t, saying('come in'))]
  const closed = await openProxy(t, { upstreams, access: [{ deny: '127.0.0.0/8' }], onEnd })
  assert.equal(await hear(t, closed), '')
  const open = await openProxy(t, {
    upstreams,
    access: [{ deny: '192.0.2.0/24' }],
    proxyProtocol: 'in',
    onEnd,
  })
  for (const [address, heard] of [
    ['192.0.2.1', ''],
    ['203.0.113.1', 'come in'],
  ] as const) {
    const client = await dial(t, open)
    const ends = { source: { address, port: 1 }, destination: { address: '127.0.0.1', port: 2 } }
    client.write(writeProxyHeader(2, ends))
    assert.equal(String(await readAll(client)), heard)
    client.destroy()
  }
  await ended(3)
  assert.deepEqual(
    ends.map(({ ending }) => ending),
    ['denied', 'denied', 'ended'],
  )
})

test('what is idle, half-closed or old is ended', needsAddon, async t => {
  const { ends, onEnd, ended } = endsOf()
  const upstreams = [await upstream(t, echo)]
  const held = await upstream(t, socket => void socket.resume())
  const idle = await openProxy(t, { upstreams, idleMs: 100, onEnd })
  await hear(t, idle)
  const old = await openProxy(t, { upstreams, lifetimeMs: 100, onEnd })
  await hear(t, old)
  const half = await openProxy(t, { upstreams: [held], halfClosedMs: 100, onEnd })
  const client = await dial(t, half)
  client.end()
  await readAll(client)
  await ended(3)
  assert.deepEqual(
    ends.map(({ ending }) => ending),
    ['idle', 'lifetime', 'half-closed'],
  )
})

test('closing lets connections end in their own time, for a while', needsAddon, async t => {
  const proxy = await openProxy(t, { upstreams: [await upstream(t, echo)] })
  const client = await dial(t, proxy)
  assert.equal(proxy.counters.toClientCopied, 0)
  client.write('before')
  assert.equal(String((await once(client, 'data'))[0]), 'before')
  assert.equal(proxy.counters.toClientCopied, 6, 'what open connections have sent is counted')
  const closed = proxy.close({ graceMs: 60_000 })
  await assert.rejects(dial(t, proxy))
  client.write('after')
  assert.equal(String((await once(client, 'data'))[0]), 'after')
  client.end()
  assert.equal(await closed, 0)
})

test('while connections end another proxy may listen on the same Unix socket', needsAddon, async t => {
  const listen = `unix:${join(temporaryFolder(t), 'proxy')}`
  const upstreams = [await upstream(t, echo)]
  const old = await openProxy(t, { listen, upstreams })
  const client = await dial(t, old)
  client.write('x')
  await once(client, 'data')
  const closed = old.close({ graceMs: watchdogMs })
  const next = await openProxy(t, { listen, upstreams: [await upstream(t, saying('next'))] })
  client.end()
  assert.equal(await closed, 0)
  assert.equal(await hear(t, next), 'next')
  await next.close()
  assert.equal(existsSync(listen.slice(5)), false)
})

test('what has not ended when the time is over is cut off', needsAddon, async t => {
  const proxy = await openProxy(t, { upstreams: [await upstream(t, echo)] })
  const client = await dial(t, proxy)
  client.write('x')
  await once(client, 'data')
  const broken = once(client, 'error')
  assert.equal(await proxy.close({ graceMs: 20 }), 1)
  assert.equal((await broken)[0].code, 'ECONNRESET')
})

test('a reload takes new clients elsewhere, and leaves open connections alone', needsAddon, async t => {
  const before = await upstream(t, echo)
  const proxy = await openProxy(t, { upstreams: [before] })
  const client = await dial(t, proxy)
  client.write('1')
  await once(client, 'data')
  const listen = '127.0.0.1:0'
  await proxy.reload({ listen, upstreams: [await upstream(t, saying('elsewhere'))] })
  assert.equal(await hear(t, proxy), 'elsewhere')
  client.write('2')
  assert.equal(String((await once(client, 'data'))[0]), '2')
  assert.deepEqual(
    proxy.upstreams.map(({ state, open }) => [state, open]),
    [
      ['up', 0],
      ['draining', 1],
    ],
  )
  client.destroy()
  await eventually(
    () => proxy.upstreams.length === 1,
    () => 'the upstream that was removed is still there',
  )
  await assert.rejects(proxy.reload({ listen: '127.0.0.1:1', upstreams: [before] }), {
    code: 'ERR_SLUICE_OPTION',
    message: /^listen must stay 127\.0\.0\.1:0 /,
  })
  await assert.rejects(
    proxy.reload({ listen, upstreams: [] }),
    /^SluiceError: upstreams must name at least one/,
  )
  assert.equal(await hear(t, proxy), 'elsewhere')
})

test('a proxy that is being closed is not reloaded', needsAddon, async t => {
  const upstreams = [await upstream(t, echo)]
  const proxy = await openProxy(t, { upstreams })
  await proxy.close()
  await assert.rejects(() => proxy.reload({ listen: '127.0.0.1:0', upstreams }), {
    code: 'ERR_SLUICE_CLOSED',
  })
})

test('an upstream that comes back gets clients again', needsAddon, async t => {
  const { server, address } = await upstreamServer(t, saying('back'))
  const port = Number(address.split(':')[1])
  await new Promise(resolve => server.close(resolve))
  const proxy = await openProxy(t, { upstreams: [address], failuresMax: 1, attemptsMax: 1, backoffMs: 30 })
  assert.equal(await hear(t, proxy), '')
  assert.equal(proxy.upstreams[0]!.state, 'down')
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  await eventuallyHears(t, proxy, 'back')
  assert.equal(proxy.upstreams[0]!.state, 'up')
})

test('whatever becomes of connections, no descriptor stays open', needsAddon, async t => {
  const path = join(temporaryFolder(t), 'mirror')
  const answering = await upstream(t, saying('hello'))
  const silent = await upstream(t, socket => void socket.resume())
  const dead = await deadAddress()
  const named = { 'a.example.org': [answering] }
  const cases: Partial<ProxyOptions>[] = [
    { upstreams: [answering] },
    { upstreams: [answering], mirror: `file:${path}` },
    { upstreams: [answering], mirror: `tcp:${dead}` },
    { upstreams: [answering], proxyProtocol: 'out' },
    { upstreams: [dead, answering] },
    { upstreams: [dead] },
    { upstreams: [answering], access: [{ deny: 'all' }] },
    { upstreams: [answering], proxyProtocol: 'in', helloMs: 1 },
    { upstreams: undefined, sni: named, helloMs: 1 },
    { upstreams: [{ address: silent, connectionsMax: 1 }], queueMs: 1 },
  ]
  const meetAll = async (): Promise<void> => {
    for (const options of cases) {
      const proxy = await createProxy({ listen: '127.0.0.1:0', connectMs: 3_600_000, ...options })
      const clients = await Promise.all(Array.from({ length: 3 }, () => dial(t, proxy)))
      await Promise.race(clients.map(readAll))
      clients[0]!.resetAndDestroy()
      await proxy.close({ graceMs: 20 })
      for (const client of clients) client.destroy()
    }
  }
  // Pipes are kept for later.
  await meetAll()
  const before = openDescriptors()
  await meetAll()
  await descriptorsBackTo(before)
})

async function eventuallyHears(
  t: TestContext,
  proxy: Awaited<ReturnType<typeof openProxy>>,
  word: string,
): Promise<void> {
  while ((await hear(t, proxy)) !== word) await pause(10)
}
