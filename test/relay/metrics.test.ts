import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as counters from '#sluice/relay/counters.js'
import {
  CONNECTIONS,
  CONNECTIONS_CLOSED,
  DENIED,
  proxyCounterNames,
  proxyCounterRow,
  readProxyCounters,
  TO_CLIENT_SPLICED,
} from '#sluice/relay/counters.js'
import { proxyMetrics } from '#sluice/relay/metrics.js'
import type { UpstreamStatus } from '#sluice/relay/proxy-types.js'

test('every counter has a place, in the order of the names', () => {
  const places = Object.entries(counters).filter(([, value]) => typeof value === 'number')
  assert.deepEqual(
    places
      .map(([name]) => name.toLowerCase().replace(/_(.)/g, (_all, letter) => letter.toUpperCase()))
      .sort(),
    [...proxyCounterNames].sort(),
  )
  for (const [name, place] of places) {
    const camel = name.toLowerCase().replace(/_(.)/g, (_all, letter) => letter.toUpperCase())
    assert.equal(proxyCounterNames[place as number], camel)
  }
})

test('counters and upstreams are told, each sample once', () => {
  const row = proxyCounterRow()
  row[CONNECTIONS] = 9
  row[CONNECTIONS_CLOSED] = 7
  row[DENIED] = 1
  row[TO_CLIENT_SPLICED] = 1e15
  const upstream: UpstreamStatus = {
    route: 'a.example.org',
    name: 'db.example.org:5432',
    address: '192.0.2.1:5432',
    state: 'up',
    why: '',
    weight: 1,
    backup: false,
    open: 2,
    connected: 8,
    failed: 3,
  }
  const text = proxyMetrics({
    counters: readProxyCounters(row),
    upstreams: [upstream, { ...upstream, address: '', state: 'down' }],
  })
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  const names = lines.map(line => line.replace(/ [^ ]+$/, ''))
  assert.equal(new Set(names).size, names.length)
  for (const line of [
    'sluice_proxy_connections_total 9',
    'sluice_proxy_connections_open 2',
    'sluice_proxy_denied_total 1',
    'sluice_proxy_bytes_total{to="client",by="splice"} 1000000000000000',
    'sluice_proxy_upstream_up{route="a.example.org",name="db.example.org:5432",address="192.0.2.1:5432"} 1',
    'sluice_proxy_upstream_up{route="a.example.org",name="db.example.org:5432",address=""} 0',
    'sluice_proxy_upstream_connections_open{route="a.example.org",name="db.example.org:5432",address="192.0.2.1:5432"} 2',
    'sluice_proxy_upstream_connects_failed_total{route="a.example.org",name="db.example.org:5432",address="192.0.2.1:5432"} 3',
  ])
    assert.ok(lines.includes(line), `${line}\nis missing in\n${text}`)
})
