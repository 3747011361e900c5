import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type TestContext, test } from 'node:test'
import type { ProxyOptions } from '#sluice/relay/options.js'
import type { UpstreamStatus } from '#sluice/relay/proxy-types.js'
import { resolveProxyOptions } from '#sluice/relay/resolve-options.js'
import { Routing } from '#sluice/relay/routing.js'
import type { Upstream } from '#sluice/relay/upstream.js'
import { upstreamChannel } from '#sluice/relay/upstream-channel.js'
import type { UpstreamGroup, Waiter } from '#sluice/relay/upstreams.js'
import { eventually } from '../support/eventually.js'
import { nameServer } from './name-server.js'

const listen = '127.0.0.1:9000'

async function routingFor(t: TestContext, options: Omit<ProxyOptions, 'listen'>): Promise<Routing> {
  const routing = await Routing.open(resolveProxyOptions({ listen, ...options }))
  t.after(() => routing.close())
  return routing
}

const nobody: Waiter = {
  client: '',
  tried: [],
  placeFound: () => assert.fail('nobody waits'),
  placeRefused: () => {},
}

function pick(group: UpstreamGroup | null): Upstream {
  const picked = group!.pick(nobody)
  assert.ok(typeof picked === 'object')
  return picked
}

function addresses(routing: Routing): string[] {
  return routing.upstreams.map(({ address, state }) => `${address} ${state}`)
}

test('names decide where connections go, and the others go where all go', async t => {
  const routing = await routingFor(t, {
    upstreams: ['192.0.2.1:1'],
    sni: { 'A.example.org': ['192.0.2.2:2'], '*.example.org': ['192.0.2.3:3'] },
  })
  assert.equal(routing.readsServerName, true)
  const keys = ['a.example.org', 'b.example.org', 'example.com', null].map(
    name => pick(routing.groupFor(name)).key,
  )
  assert.deepEqual(keys, ['192.0.2.2:2', '192.0.2.3:3', '192.0.2.1:1', '192.0.2.1:1'])
  assert.deepEqual(
    routing.upstreams.map(({ route, open }) => [route, open]),
    [
      ['a.example.org', 1],
      ['*.example.org', 1],
      ['', 2],
    ],
  )
})

test('without upstreams for all, a name that leads nowhere leads nowhere', async t => {
  const routing = await routingFor(t, { sni: { 'a.example.org': ['192.0.2.2:2'] } })
  assert.equal(routing.groupFor('b.example.org'), null)
  assert.equal(routing.groupFor(null), null)
})

test('a client of whom nothing is known may come only where everybody may', async t => {
  const open = await routingFor(t, { upstreams: ['192.0.2.1:1'] })
  const closed = await routingFor(t, { upstreams: ['192.0.2.1:1'], access: [{ deny: '192.0.2.0/24' }] })
  assert.deepEqual([open.allows(null), closed.allows(null)], [true, false])
  assert.equal(closed.allows({ address: '203.0.113.1', port: 1 }), true)
})

test('a mirror is an upstream beside the others, and a file is none', async t => {
  const upstreams = ['192.0.2.1:1']
  const routing = await routingFor(t, { upstreams, mirror: 'tcp:192.0.2.9:9' })
  assert.equal(pick(routing.mirror).key, '192.0.2.9:9')
  assert.equal((await routingFor(t, { upstreams, mirror: 'file:x' })).mirror, null)
  assert.equal((await routingFor(t, { upstreams })).mirror, null)
})

test('a reload keeps what stays, drains what goes, and refuses another place to listen', async t => {
  const routing = await routingFor(t, {
    upstreams: ['192.0.2.1:1', '192.0.2.2:1'],
    sni: { 'a.example.org': ['192.0.2.3:1'] },
  })
  const group = routing.groupFor(null)!
  const held = [pick(group), pick(group)]
  const next = resolveProxyOptions({
    listen,
    upstreams: [{ address: '192.0.2.2:1', weight: 9 }, '192.0.2.4:1'],
    access: [{ deny: 'all' }],
  })
  await routing.reload(next)
  assert.equal(routing.groupFor(null), group)
  assert.equal(routing.settings, next)
  assert.equal(routing.readsServerName, false)
  assert.equal(routing.allows({ address: '203.0.113.1', port: 1 }), false)
  assert.deepEqual(addresses(routing).sort(), ['192.0.2.1:1 draining', '192.0.2.2:1 up', '192.0.2.4:1 up'])
  assert.equal(routing.upstreams.find(({ address }) => address === '192.0.2.2:1')!.weight, 9)
  for (const upstream of held) upstream.release()
  assert.deepEqual(addresses(routing).sort(), ['192.0.2.2:1 up', '192.0.2.4:1 up'])
  await assert.rejects(
    () => routing.reload(resolveProxyOptions({ listen: '127.0.0.1:9001', upstreams: ['192.0.2.9:9'] })),
    {
      code: 'ERR_SLUICE_OPTION',
    },
  )
  assert.equal(routing.settings, next)
})

test('a name stands for its addresses, which come and go with it', async t => {
  const names = await nameServer(t, { 'db.example.org': { A: ['192.0.2.1', '192.0.2.2'], ttl: 0 } })
  const routing = await routingFor(t, {
    upstreams: [{ address: 'db.example.org:5432', connectionsMax: 1 }],
    nameServers: [names.address],
  })
  assert.deepEqual(addresses(routing), ['192.0.2.1:5432 up', '192.0.2.2:5432 up'])
  const upstream = pick(routing.groupFor(null))
  assert.equal(upstream.key, '192.0.2.1:5432')
  names.names.set('db.example.org', { A: ['192.0.2.2', '192.0.2.3'], ttl: 0 })
  await eventually(
    () => upstream.draining,
    () => 'the address that has gone is still used',
  )
  assert.deepEqual(addresses(routing).sort(), [
    '192.0.2.1:5432 draining',
    '192.0.2.2:5432 up',
    '192.0.2.3:5432 up',
  ])
  names.names.clear()
  const asked = names.asked
  await eventually(
    () => names.asked >= asked + 2,
    () => 'the name is not asked for again',
  )
  upstream.release()
  assert.deepEqual(addresses(routing), ['192.0.2.2:5432 up', '192.0.2.3:5432 up'], 'what is known stays')
})

test('a name without an address is an upstream that is down, and is asked for soon again', async t => {
  const names = await nameServer(t)
  const routing = await routingFor(t, {
    upstreams: ['db.example.org:5432'],
    nameServers: [names.address],
    resolveMs: 3_600_000,
  })
  const [status] = routing.upstreams
  assert.deepEqual(
    [status!.name, status!.address, status!.state, status!.why],
    ['db.example.org:5432', '', 'down', 'ENOTFOUND'],
  )
  assert.equal(routing.groupFor(null)!.pick(nobody), 'no upstream')
  names.names.set('db.example.org', { A: ['192.0.2.1'], ttl: 60 })
  await eventually(
    () => routing.upstreams[0]!.address !== '',
    () => 'the name is not asked for again',
  )
  assert.equal(pick(routing.groupFor(null)).key, '192.0.2.1:5432')
})

test('names that are no longer there are not asked for', async t => {
  const names = await nameServer(t, { 'db.example.org': { A: ['192.0.2.1'], ttl: 0 } })
  const nameServers = [names.address]
  const routing = await routingFor(t, { upstreams: ['db.example.org:1', 'db.example.org:2'], nameServers })
  assert.equal(names.asked, 1, 'one name is asked for once')
  await routing.reload(resolveProxyOptions({ listen, upstreams: ['192.0.2.9:1'], nameServers }))
  assert.deepEqual(addresses(routing), ['192.0.2.9:1 up'])
  await new Promise(resolve => setTimeout(resolve, 1200))
  assert.equal(names.asked, 1)
})

test('what upstreams do is told on a channel', async t => {
  const told: UpstreamStatus[] = []
  const onStatus = (message: unknown): void => void told.push(message as UpstreamStatus)
  subscribe(upstreamChannel, onStatus)
  t.after(() => unsubscribe(upstreamChannel, onStatus))
  const routing = await routingFor(t, { upstreams: ['192.0.2.1:1'], failuresMax: 1 })
  pick(routing.groupFor(null)).failed('ETIMEDOUT')
  assert.deepEqual(
    told.map(({ address, state, why }) => [address, state, why]),
    [
      ['192.0.2.1:1', 'up', ''],
      ['192.0.2.1:1', 'down', 'ETIMEDOUT'],
    ],
  )
})

test('a reload waits for the names that are new', async t => {
  const names = await nameServer(t, { 'new.example.org': { A: ['192.0.2.7'], ttl: 60 } })
  const nameServers = [names.address]
  const routing = await routingFor(t, { upstreams: ['192.0.2.1:1'], nameServers })
  const reloaded = routing.reload(
    resolveProxyOptions({ listen, upstreams: ['new.example.org:1'], nameServers }),
  )
  assert.equal(pick(routing.groupFor(null)).key, '192.0.2.1:1', 'until then clients go where they went')
  await reloaded
  assert.equal(pick(routing.groupFor(null)).key, '192.0.2.7:1')
})

test('of two reloads at once the last counts, and none after closing', async t => {
  const names = await nameServer(t, { 'new.example.org': { A: ['192.0.2.7'], ttl: 60 } })
  const nameServers = [names.address]
  const routing = await routingFor(t, { upstreams: ['192.0.2.1:1'], nameServers })
  const to = (upstream: string): Promise<void> =>
    routing.reload(resolveProxyOptions({ listen, upstreams: [upstream], nameServers }))
  await Promise.all([to('new.example.org:1'), to('192.0.2.8:1')])
  assert.deepEqual(addresses(routing), ['192.0.2.8:1 up'])
  const late = to('new.example.org:2')
  routing.close()
  await late
  assert.deepEqual(addresses(routing), [])
})

test('a name without an address is told of once, however often it is there', async t => {
  const names = await nameServer(t)
  const upstreams = [
    'none.example.org:1',
    { address: 'none.example.org:1', backup: true },
    'none.example.org:2',
  ]
  const routing = await routingFor(t, { upstreams, nameServers: [names.address] })
  assert.deepEqual(
    routing.upstreams.map(({ name }) => name),
    ['none.example.org:1', 'none.example.org:2'],
  )
})
