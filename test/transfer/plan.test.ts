import assert from 'node:assert/strict'
import { Duplex, PassThrough } from 'node:stream'
import { test } from 'node:test'
import { TLSSocket } from 'node:tls'
import { addonMissing, native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { needsAddon } from '../support/addon.js'
import { httpServer, RawClient } from '../support/raw-http.js'
import { socketPair } from '../support/sockets.js'

const anyFile = file('any')

test('sendfile for sockets, or why there is no addon', async t => {
  const { socket: sink } = await socketPair(t)
  const { path, why, rejected } = plan(anyFile, socket(sink))
  assert.equal(path, native === null ? 'copy' : 'sendfile')
  if (native !== null) assert.match(why, /^file pages .* by reference/)
  else assert.ok(rejected.every(other => other.why === `there is no addon: ${addonMissing}`))
})

test('a plan expects costs that can be reckoned with, and cannot be changed', async t => {
  const { socket: sink } = await socketPair(t)
  for (const bytes of [undefined, 0, 1, 4096, Number.MAX_SAFE_INTEGER]) {
    const { expected } = plan(anyFile, socket(sink), { bytes })
    assert.ok(Number.isFinite(expected.nsPerCall) && expected.nsPerCall > 0)
    assert.ok(Number.isFinite(expected.nsPerKiB) && expected.nsPerKiB >= 0)
  }
  const shared = plan(anyFile, socket(sink))
  assert.throws(() => Object.assign(shared, { path: 'copy' }), TypeError)
  assert.throws(() => Object.assign(shared.expected, { nsPerCall: 0 }), TypeError)
})

test('options of another kind are refused', () => {
  for (const bytes of [-1, 1.5, Number.NaN, '1']) {
    assert.throws(() => plan(anyFile, socket(5), { bytes: bytes as number }), { code: 'ERR_SLUICE_OPTION' })
  }
  assert.throws(() => plan(anyFile, socket(5), { prefer: 'magic' as 'copy' }), { code: 'ERR_SLUICE_OPTION' })
})

test('copying where it is asked for, and nothing else is claimed', async t => {
  const { socket: sink } = await socketPair(t)
  const { path, why } = plan(anyFile, socket(sink), { prefer: 'copy' })
  assert.deepEqual({ path, why }, { path: 'copy', why: 'copying was asked for' })
})

test('what is no plain socket underneath is copied to, with its reason', needsAddon, async t => {
  const { socket: sink } = await socketPair(t)
  const cases = [
    [new TLSSocket(sink), /TLS/],
    [new PassThrough(), /without a socket/],
    [new Duplex(), /without a socket/],
  ] as const
  for (const [to, reason] of cases) {
    const { path, why, rejected } = plan(anyFile, socket(to))
    assert.equal(path, 'copy')
    assert.match(why, reason)
    assert.equal(rejected.find(other => other.path === 'sendfile')?.why, why)
  }
})

test('a response is planned for by what it is just then', needsAddon, async t => {
  const plans: string[] = []
  const server = await httpServer(t, (req, res) => {
    plans.push(plan(anyFile, socket(res)).path)
    if (req.url === '/asked') res.setHeader('Transfer-Encoding', 'Chunked')
    else res.writeHead(200)
    plans.push(plan(anyFile, socket(res)).path)
    res.end()
  })
  const client = new RawClient(t, server)
  for (const url of ['/asked', '/decided']) {
    client.get(url)
    await client.response()
  }
  assert.deepEqual(plans, ['sendfile', 'copy', 'sendfile', 'copy'])
})
