import assert from 'node:assert/strict'
import { Duplex, PassThrough } from 'node:stream'
import { test } from 'node:test'
import { TLSSocket } from 'node:tls'
import { addonMissing, native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/endpoints.js'
import { plan } from '#sluice/transfer/plan.js'
import { needsAddon } from '../support/addon.js'
import { httpServer, RawClient } from '../support/raw-http.js'
import { socketPair } from '../support/sockets.js'

const anyFile = file('any')

test('sendfile for sockets and descriptors, or why there is no addon', async t => {
  const { socket: sink } = await socketPair(t)
  const why = `there is no addon: ${addonMissing}`
  const copying = { path: 'copy', why, rejected: [{ path: 'sendfile', why }] }
  const sending = { path: 'sendfile', why: 'file pages go to the socket by reference', rejected: [] }
  for (const to of [sink, 5]) assert.deepEqual(plan(anyFile, socket(to)), native === null ? copying : sending)
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
    assert.deepEqual(rejected, [{ path: 'sendfile', why }])
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
