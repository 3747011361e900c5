import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveName, resolverFor } from '#sluice/relay/resolve-name.js'
import { nameServer } from './name-server.js'

test('addresses come in order, each once, with the shortest time to live', async t => {
  const { address } = await nameServer(t, {
    'db.example.org': { A: ['192.0.2.9', '192.0.2.1', '192.0.2.9'], ttl: 17 },
  })
  assert.deepEqual(await resolveName('db.example.org', resolverFor([address])), {
    addresses: ['192.0.2.1', '192.0.2.9'],
    ttlMs: 17_000,
    why: '',
  })
})

test('IPv6 is used where there is no IPv4, and only there', async t => {
  const { address } = await nameServer(t, {
    'six.example.org': { AAAA: ['2001:db8:0:0:0:0:0:7'], ttl: 5 },
    'both.example.org': { A: ['192.0.2.1'], AAAA: ['2001:db8:0:0:0:0:0:7'], ttl: 5 },
  })
  const resolver = resolverFor([address])
  assert.deepEqual((await resolveName('six.example.org', resolver)).addresses, ['2001:db8::7'])
  assert.deepEqual((await resolveName('both.example.org', resolver)).addresses, ['192.0.2.1'])
})

test('a name that is not there says so, and name servers that were given are all that is asked', async t => {
  const server = await nameServer(t, { 'empty.example.org': { ttl: 5 } })
  const resolver = resolverFor([server.address])
  for (const [name, why] of [
    ['none.example.org', 'ENOTFOUND'],
    ['empty.example.org', 'ENODATA'],
    ['localhost', 'ENOTFOUND'],
  ] as const)
    assert.deepEqual(await resolveName(name, resolver), { addresses: [], ttlMs: null, why })
  server.refuses = true
  assert.equal((await resolveName('empty.example.org', resolver)).why, 'EREFUSED')
})

test("the system's own names are found without name servers", async () => {
  const { addresses, ttlMs, why } = await resolveName('localhost', resolverFor([]))
  assert.ok(addresses.includes('127.0.0.1') || addresses.includes('::1'), why)
  assert.equal(ttlMs, null)
})
