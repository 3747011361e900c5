import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SocketAddress } from '#sluice/relay/address.js'
import type { CheckSettings, GroupSettings } from '#sluice/relay/options.js'
import { readProxyHeader } from '#sluice/relay/proxy-header.js'
import type { Upstream } from '#sluice/relay/upstream.js'
import { UpstreamGroup } from '#sluice/relay/upstreams.js'
import { eventually, pause } from '../support/eventually.js'
import { temporaryFolder } from '../support/temporary.js'

const check: CheckSettings = { intervalMs: 20, timeoutMs: 1000, rise: 2, fall: 2, proxyOut: 0 }

function checked(
  t: TestContext,
  address: SocketAddress,
  settings: CheckSettings | null = check,
): { upstream: Upstream; group: UpstreamGroup } {
  const rest: GroupSettings = {
    upstreams: [],
    balance: 'round-robin',
    queueMax: 1,
    queueMs: 1000,
    failuresMax: 0,
    backoffMs: 1000,
    connectMs: 1000,
    check: settings,
  }
  const group = new UpstreamGroup(rest, () => {})
  group.update([{ name: 'it', address, weight: 1, backup: false, connectionsMax: 9 }])
  t.after(() => group.close())
  return { group, upstream: group.upstreams[0]! }
}

async function counting(
  t: TestContext,
): Promise<{ server: Server; address: SocketAddress; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer(socket => void sockets.push(socket.on('error', () => {}).resume()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  return { server, sockets, address: { address: '127.0.0.1', port } }
}

async function becomes(upstream: Upstream, state: string): Promise<void> {
  await eventually(
    () => upstream.state === state,
    () => `it is ${upstream.state}, not ${state}`,
  )
}

test('an upstream that is not there is found down, and up when it comes', async t => {
  const { server, address } = await counting(t)
  await new Promise(resolve => server.close(resolve))
  const { upstream } = checked(t, address)
  await becomes(upstream, 'down')
  assert.equal(upstream.health.why, 'check: ECONNREFUSED')
  server.listen((address as { port: number }).port, '127.0.0.1')
  await becomes(upstream, 'up')
  server.close()
  await becomes(upstream, 'down')
})

test('a Unix socket is checked as well', async t => {
  const path = join(temporaryFolder(t), 'socket')
  const { upstream } = checked(t, { path })
  await becomes(upstream, 'down')
  assert.equal(upstream.health.why, 'check: ENOENT')
  const server = createServer(socket => socket.resume()).listen(path)
  t.after(() => server.close())
  await becomes(upstream, 'up')
})

test('checks leave no connections behind, and end when the upstream goes', async t => {
  const { address, sockets } = await counting(t)
  const { group } = checked(t, address)
  await eventually(
    () => sockets.length >= 4,
    () => `${sockets.length} checks`,
  )
  group.update([])
  await eventually(
    () => sockets.every(({ destroyed }) => destroyed),
    () => 'a connection of a check is open',
  )
  const checks = sockets.length
  await pause(100)
  assert.equal(sockets.length, checks)
})

test('other settings take effect at once', async t => {
  const { address, sockets } = await counting(t)
  const { group } = checked(t, address, null)
  await pause(60)
  assert.equal(sockets.length, 0, 'without a check there is none')
  group.settings = { ...group.settings, check }
  await eventually(
    () => sockets.length >= 2,
    () => 'it is not checked',
  )
  group.settings = { ...group.settings, check: null }
  await pause(30)
  const checks = sockets.length
  await pause(100)
  assert.equal(sockets.length, checks)
})

for (const version of [1, 2] as const) {
  test(`an upstream that expects a PROXY header of version ${version} gets one that names nobody`, async t => {
    const { server, address } = await counting(t)
    const headers: Buffer[] = []
    server.on('connection', socket => socket.on('data', header => headers.push(header)))
    checked(t, address, { ...check, proxyOut: version })
    await eventually(
      () => headers.length > 0,
      () => 'nothing was sent',
    )
    const [header] = headers
    assert.deepEqual(readProxyHeader(header!), { bytes: header!.length, source: null, destination: null })
    if (version === 2) assert.equal(header![12], 0x20, 'LOCAL')
  })
}
