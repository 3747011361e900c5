import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proxyNumbers } from '#sluice/relay/number-options.js'
import type { ProxyOptions } from '#sluice/relay/options.js'
import { resolveProxyOptions } from '#sluice/relay/resolve-options.js'

const least = { listen: '127.0.0.1:9000', upstreams: ['127.0.0.1:5432'] }

test('what is not given has its default', () => {
  const settings = resolveProxyOptions(least)
  const { fallback, sni, ...rest } = settings
  assert.deepEqual(rest, {
    listen: { host: '127.0.0.1', port: 9000 },
    mirror: null,
    proxyIn: false,
    proxyOut: 0,
    access: [],
    connectMs: 5000,
    helloMs: 5000,
    idleMs: 600_000,
    halfClosedMs: 60_000,
    lifetimeMs: Number.POSITIVE_INFINITY,
    connectionsMax: 16_384,
    attemptsMax: 3,
    resolveMs: 30_000,
    nameServers: [],
    onEnd: undefined,
  })
  assert.deepEqual(fallback, {
    upstreams: [
      {
        target: { host: '127.0.0.1', port: 5432 },
        weight: 1,
        backup: false,
        connectionsMax: Number.POSITIVE_INFINITY,
      },
    ],
    balance: 'round-robin',
    queueMax: 1024,
    queueMs: 5000,
    failuresMax: 3,
    backoffMs: 1000,
    connectMs: 5000,
    check: null,
  })
  assert.equal(sni.size, 0)
})

test('what is given is taken', () => {
  const onEnd = (): void => {}
  const settings = resolveProxyOptions({
    listen: 'unix:/run/proxy',
    sni: { 'A.example.org': [{ address: 'db:1', weight: 3, backup: true, connectionsMax: 7 }] },
    balance: 'source-hash',
    mirror: { to: 'unix:/run/mirror', slow: 'wait', of: 'both' },
    proxyProtocol: 'both',
    proxyProtocolVersion: 2,
    access: [{ allow: '10.0.0.0/8' }, { deny: 'all' }],
    idleMs: 0,
    check: { rise: 5 },
    nameServers: ['192.0.2.53', '[2001:db8::53]:5353', '192.0.2.53:53'],
    onEnd,
  })
  assert.equal(settings.fallback, null)
  const group = settings.sni.get('a.example.org')!
  assert.deepEqual(group.upstreams, [
    { target: { host: 'db', port: 1 }, weight: 3, backup: true, connectionsMax: 7 },
  ])
  assert.equal(group.balance, 'source-hash')
  assert.deepEqual(group.check, { intervalMs: 2000, timeoutMs: 1000, rise: 5, fall: 3, proxyOut: 2 })
  assert.deepEqual(settings.mirror, {
    to: { kind: 'stream', target: { path: '/run/mirror' } },
    slow: 'wait',
    of: 'both',
  })
  assert.deepEqual([settings.proxyIn, settings.proxyOut], [true, 2])
  assert.equal(settings.idleMs, Number.POSITIVE_INFINITY)
  assert.equal(settings.onEnd, onEnd)
})

test('short forms mean what the long ones do', () => {
  const { check } = resolveProxyOptions({ ...least, check: true }).fallback!
  assert.deepEqual(check, { intervalMs: 2000, timeoutMs: 1000, rise: 2, fall: 3, proxyOut: 0 })
  assert.equal(resolveProxyOptions({ ...least, check: false }).fallback!.check, null)
  for (const [mirror, to] of [
    ['tcp:host:9', { kind: 'stream', target: { host: 'host', port: 9 } }],
    ['file:a:b', { kind: 'file', path: 'a:b' }],
  ] as const)
    assert.deepEqual(resolveProxyOptions({ ...least, mirror }).mirror, { to, slow: 'drop', of: 'client' })
  for (const [proxyProtocol, proxyIn, proxyOut] of [
    ['in', true, 0],
    ['out', false, 1],
    ['none', false, 0],
  ] as const) {
    const settings = resolveProxyOptions({ ...least, proxyProtocol })
    assert.deepEqual([settings.proxyIn, settings.proxyOut], [proxyIn, proxyOut])
  }
})

/** What is wrong, and how the message begins. */
const refused: [unknown, string][] = [
  [null, 'the options must be an object, not null'],
  [[], 'the options must be an object, not a list'],
  [{}, 'upstreams must say where connections go'],
  [{ listen: least.listen, sni: {} }, 'upstreams must say where connections go'],
  [{ upstreams: ['a:1'] }, 'listen must be host:port'],
  [{ ...least, upstream: [] }, 'upstream is no option: there are listen, upstreams, balance'],
  [{ ...least, upstreams: 'a:1' }, 'upstreams must be a list, not "a:1"'],
  [{ ...least, upstreams: [] }, 'upstreams must name at least one upstream'],
  [{ ...least, upstreams: Array(257).fill('a:1') }, 'upstreams must have at most 256 entries, not 257'],
  [{ ...least, upstreams: ['a:1', 'b'] }, 'upstreams[1] must be host:port'],
  [
    { ...least, upstreams: ['a:1', { address: 'b:1', weight: 0 }] },
    'upstreams[1].weight must be a whole number, 1 to 256, not 0',
  ],
  [{ ...least, upstreams: [{ weight: 1 }] }, 'upstreams[0].address must be host:port'],
  [
    { ...least, upstreams: [{ address: 'a:1', wieght: 1 }] },
    'upstreams[0].wieght is no option: there are address, backup, weight, connectionsMax',
  ],
  [
    { ...least, upstreams: [{ address: 'a:1', backup: 1 }] },
    'upstreams[0].backup must be true or false, not 1',
  ],
  [
    { ...least, upstreams: [{ address: 'a:1', connectionsMax: -1 }] },
    'upstreams[0].connectionsMax must be a whole number, 0 to 1048576',
  ],
  [{ ...least, upstreams: [7] }, 'upstreams[0] must be an object, not 7'],
  [
    { ...least, balance: 'fair' },
    'balance must be one of round-robin, least-connections, source-hash, not "fair"',
  ],
  [{ ...least, sni: [] }, 'sni must be an object, not a list'],
  [{ ...least, sni: { 'a b': ['a:1'] } }, 'sni["a b"] must be a name such as'],
  [{ ...least, sni: { 'a.b': ['a:1', 'b:0'] } }, 'sni["a.b"][1] must be host:port'],
  [{ ...least, sni: { 'a.b': ['a:1'], 'A.b': ['b:1'] } }, 'sni["A.b"] is there twice'],
  [{ ...least, mirror: 'host:1' }, 'mirror must be tcp:host:port, unix:/path or file:path, not "host:1"'],
  [{ ...least, mirror: { slow: 'drop' } }, 'mirror.to must be tcp:host:port'],
  [{ ...least, mirror: { to: 'file:' } }, 'mirror.to must be tcp:host:port'],
  [{ ...least, mirror: { to: 'file:x', slow: 'stop' } }, 'mirror.slow must be one of wait, drop, not "stop"'],
  [
    { ...least, mirror: { to: 'file:x', of: 'server' } },
    'mirror.of must be one of client, both, not "server"',
  ],
  [{ ...least, mirror: { to: 'file:x', off: 1 } }, 'mirror.off is no option: there are to, slow, of'],
  [{ ...least, proxyProtocol: 'yes' }, 'proxyProtocol must be one of none, in, out, both, not "yes"'],
  [{ ...least, proxyProtocolVersion: 3 }, 'proxyProtocolVersion must be 1 or 2, not 3'],
  [{ ...least, access: { deny: 'all' } }, 'access must be a list, not a value of type object'],
  [{ ...least, access: [{ deny: 'all' }, { deny: '1.2.3' }] }, 'access[1].deny must be an address'],
  [
    { ...least, access: [{ allow: 'all', deny: 'all' }] },
    'access[0] must be { "allow": "…" } or { "deny": "…" }',
  ],
  [{ ...least, access: [{ permit: 'all' }] }, 'access[0] must be { "allow": "…" } or { "deny": "…" }'],
  [{ ...least, access: ['all'] }, 'access[0] must be an object, not "all"'],
  [{ ...least, check: 'yes' }, 'check must be true, false or an object, not "yes"'],
  [{ ...least, check: { rise: 0 } }, 'check.rise must be a whole number, 1 to 1000, not 0'],
  [
    { ...least, check: { interval: 1 } },
    'check.interval is no option: there are intervalMs, timeoutMs, rise, fall',
  ],
  [{ ...least, nameServers: 'a' }, 'nameServers must be a list, not "a"'],
  [
    { ...least, nameServers: ['192.0.2.1', 'ns.example.org'] },
    'nameServers[1] must be an address, or address:port, not "ns.example.org"',
  ],
  [{ ...least, nameServers: ['dns'] }, 'nameServers[0] must be an address, or address:port, not "dns"'],
  [{ ...least, connectMs: 0 }, 'connectMs must be a whole number, 1 to 2147483647, not 0'],
  [{ ...least, idleMs: '5s' }, 'idleMs must be a whole number, 0 to 2147483647, not "5s"'],
  [{ ...least, onEnd: true }, 'onEnd must be a function, not true'],
]
for (const [options, message] of refused) {
  test(`refused: ${message}`, () => {
    assert.throws(
      () => resolveProxyOptions(options as ProxyOptions),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_SLUICE_OPTION')
        assert.ok(error.message.startsWith(message), error.message)
        return true
      },
    )
  })
}

test('every number is checked by its limits', () => {
  for (const [name, { min, max }] of Object.entries(proxyNumbers)) {
    for (const value of [min, max]) resolveProxyOptions({ ...least, [name]: value })
    for (const value of [min - 1, max + 1, 1.5, null as never]) {
      if (value === null) resolveProxyOptions({ ...least, [name]: undefined })
      else
        assert.throws(() => resolveProxyOptions({ ...least, [name]: value }), new RegExp(`: ${name} must be`))
    }
  }
})
