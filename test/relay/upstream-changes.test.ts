import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamSpec } from '#sluice/relay/upstream.js'
import { upstreamChanges } from '#sluice/relay/upstream-changes.js'

function spec(host: number, rest: Partial<UpstreamSpec> = {}): UpstreamSpec {
  const address = { address: `192.0.2.${host}`, port: 80 }
  return { name: `${address.address}:80`, address, weight: 1, backup: false, connectionsMax: 1, ...rest }
}

const known = [1, 2, 3].map(host => ({ key: `192.0.2.${host}:80` }))

test('what has the same address is kept, with what is new of it', () => {
  const changed = spec(2, { weight: 7, backup: true, name: 'db.example.org:80' })
  const { kept, added, removed } = upstreamChanges(known, [changed, spec(4), spec(1)])
  assert.deepEqual(kept, [
    { upstream: known[1], spec: changed },
    { upstream: known[0], spec: spec(1) },
  ])
  assert.deepEqual(added, [spec(4)])
  assert.deepEqual(removed, [known[2]])
})

test('of those with one address the first counts', () => {
  const first = spec(9, { weight: 5 })
  const { kept, added } = upstreamChanges(known, [first, spec(9), spec(1), spec(1, { weight: 2 })])
  assert.deepEqual(added, [first])
  assert.deepEqual(kept, [{ upstream: known[0], spec: spec(1) }])
})

test('another port, and a Unix socket, are another', () => {
  const { added, removed } = upstreamChanges(known.slice(0, 1), [
    spec(1, { address: { address: '192.0.2.1', port: 81 } }),
    spec(1, { address: { path: '/run/db' } }),
  ])
  assert.equal(added.length, 2)
  assert.deepEqual(removed, known.slice(0, 1))
})

test('nothing and the same change nothing', () => {
  assert.deepEqual(upstreamChanges([], []), { kept: [], added: [], removed: [] })
  const same = upstreamChanges(
    known,
    [1, 2, 3].map(host => spec(host)),
  )
  assert.deepEqual([same.kept.length, same.added, same.removed], [3, [], []])
})
