/** TLS clients through the proxy: who is asked for decides, and nobody notices that anybody looked. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { MiB } from '#sluice/base/units.js'
import type { ConnectionEnd } from '#sluice/relay/connection-end.js'
import type { TcpProxy } from '#sluice/relay/proxy-types.js'
import { needsAddon } from '../support/addon.js'
import { certificate } from '../support/certificate.js'
import { without } from '../support/commands.js'
import { eventually, watchdogMs } from '../support/eventually.js'
import { clientHello, inRecords } from './client-hellos.js'
import { dial, openProxy, readAll, saying, upstream } from './support.js'

/** A TLS server that answers with its name, how often it was asked for, and much. */
async function site(t: TestContext, name: string, answer: Buffer | string = name): Promise<string> {
  const server = createServer(certificate(t, name), socket => socket.on('error', () => {}).end(answer))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

/** What a TLS client is told, and by whose certificate. */
async function ask(proxy: TcpProxy, servername: string | undefined): Promise<{ said: Buffer; by: string }> {
  const { address, port } = proxy.address as { address: string; port: number }
  const named = servername === undefined ? {} : { servername }
  const socket = connect({ host: address, port, rejectUnauthorized: false, ...named })
  await once(socket, 'secureConnect')
  const by = String(socket.getPeerCertificate().subject.CN)
  return { said: await readAll(socket as never), by }
}

const needs = { skip: needsAddon.skip || without('openssl').skip }

test('the name that a TLS client asks for decides where it goes', needs, async t => {
  const large = Buffer.alloc(3 * MiB, 'a large page ')
  const proxy = await openProxy(t, {
    upstreams: [await site(t, 'default.example.org')],
    sni: {
      'a.example.org': [await site(t, 'a.example.org', large)],
      '*.example.org': [await site(t, 'any.example.org')],
    },
  })
  const exact = await ask(proxy, 'A.example.org')
  assert.equal(exact.by, 'a.example.org')
  assert.ok(exact.said.equals(large))
  assert.equal((await ask(proxy, 'other.example.org')).by, 'any.example.org')
  assert.equal((await ask(proxy, 'example.com')).by, 'default.example.org')
  assert.equal((await ask(proxy, undefined)).by, 'default.example.org')
})

test('who speaks no TLS goes where all go, and who speaks it wrongly nowhere', needsAddon, async t => {
  const ends: ConnectionEnd[] = []
  const onEnd = (end: ConnectionEnd): void => void ends.push(end)
  const sni = { 'a.example.org': [await upstream(t, saying('named'))] }
  const proxy = await openProxy(t, {
    upstreams: [await upstream(t, saying('plain'))],
    sni,
    onEnd,
    helloMs: 300,
  })
  const hello = await clientHello({ servername: 'a.example.org' })
  const said: [Buffer, string][] = [
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'plain'],
    [hello, 'named'],
    [inRecords(hello, 40), 'named'],
    [Buffer.concat([hello.subarray(0, 9), Buffer.of(2), hello.subarray(10)]), ''],
    [hello.subarray(0, 100), ''],
  ]
  for (const [bytes, heard] of said) {
    const client = await dial(t, proxy)
    client.write(bytes)
    assert.equal(String(await readAll(client)), heard)
    client.destroy()
  }
  await eventually(
    () => ends.length === said.length,
    () => `${ends.length} have ended`,
  )
  assert.deepEqual(ends.map(({ serverName, ending }) => [serverName, ending]).slice(3), [
    [null, 'bad ClientHello'],
    [null, 'hello timeout'],
  ])
  assert.deepEqual(
    ends.slice(0, 3).map(({ serverName }) => serverName),
    [null, 'a.example.org', 'a.example.org'],
  )
})

test(
  'where a name leads nowhere and there is nowhere else, the client is turned away',
  needsAddon,
  async t => {
    const ends: ConnectionEnd[] = []
    const sni = { 'a.example.org': [await upstream(t, saying('named'))] }
    const proxy = await openProxy(t, { upstreams: undefined, sni, onEnd: end => void ends.push(end) })
    const client = await dial(t, proxy)
    client.write(await clientHello({ servername: 'b.example.org' }))
    assert.equal(String(await readAll(client)), '')
    await eventually(
      () => ends.length === 1,
      () => 'it has not ended',
    )
    assert.deepEqual([ends[0]!.ending, ends[0]!.serverName], ['no route', 'b.example.org'])
    assert.equal(proxy.counters.unrouted, 1)
  },
)

test('who ends in the middle of a hello is not waited for', needsAddon, async t => {
  const ends: ConnectionEnd[] = []
  const onEnd = (end: ConnectionEnd): void => void ends.push(end)
  const sni = { 'a.example.org': [await upstream(t, saying('named'))] }
  const ours = { upstreams: undefined, sni, onEnd, helloMs: watchdogMs }
  const hello = await clientHello({ servername: 'a.example.org' })
  const header = Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n')
  const parts = [
    [await openProxy(t, ours), hello.subarray(0, 100)],
    [await openProxy(t, { ...ours, proxyProtocol: 'in' }), header.subarray(0, 9)],
    [await openProxy(t, { ...ours, proxyProtocol: 'in' }), Buffer.concat([header, hello.subarray(0, 9)])],
  ] as const
  for (const [proxy, bytes] of parts) {
    const client = await dial(t, proxy)
    client.end(bytes)
    assert.equal(String(await readAll(client)), '')
  }
  await eventually(
    () => ends.length === parts.length,
    () => `${ends.length} have ended`,
  )
  assert.deepEqual(
    ends.map(({ ending }) => ending),
    ['client left', 'client left', 'client left'],
  )
})

test('a ClientHello that comes in pieces is waited for', needsAddon, async t => {
  const sni = { 'a.example.org': [await upstream(t, saying('named'))] }
  const proxy = await openProxy(t, { upstreams: undefined, sni })
  const client = await dial(t, proxy)
  client.setNoDelay(true)
  const hello = await clientHello({ servername: 'a.example.org' })
  const heard = readAll(client)
  for (let at = 0; at < hello.length; at += 40) {
    client.write(hello.subarray(at, at + 40))
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  assert.equal(String(await heard), 'named')
})
