import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnectionEnd } from '#sluice/relay/connection-end.js'
import { connectionLine } from '#sluice/relay/connection-line.js'

const end: ConnectionEnd = {
  client: { address: '192.0.2.1', port: 40_000 },
  serverName: 'a.example.org',
  upstream: { address: '2001:db8::1', port: 5432 },
  beganMs: Date.UTC(2026, 10, 20, 11, 36, 0, 123),
  ms: 1204.12345,
  queueMs: 0,
  connectMs: 0.25,
  attempts: 2,
  toUpstream: { spliced: 1_048_576, copied: 64 },
  toClient: { spliced: 0, copied: 512 },
  ending: 'client reset',
}

test('a connection is one line of names and values', () => {
  assert.equal(
    connectionLine(end),
    'time=2026-11-20T11:36:00.123Z client=192.0.2.1:40000 upstream=[2001:db8::1]:5432 name=a.example.org ' +
      'ms=1204.123 queue_ms=0 connect_ms=0.25 attempts=2 to_upstream_spliced=1048576 to_upstream_copied=64 ' +
      'to_client_spliced=0 to_client_copied=512 end=client-reset\n',
  )
})

test('what is not there is a dash', () => {
  const line = connectionLine({ ...end, client: null, upstream: null, serverName: null })
  assert.match(line, / client=- upstream=- name=- /)
})

test('a path from a PROXY header stays within its value', () => {
  const line = connectionLine({ ...end, client: { path: 'a b\n"\x1b[2J€' } })
  assert.match(line, / client=unix:a\\x20b\\x0a\\x22\\x1b\[2J\\x[0-9a-f]+ upstream=/)
  assert.equal(line.split('\n').length, 2)
})
