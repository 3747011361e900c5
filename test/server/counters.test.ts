/** What a server says it has done: as an object, on its channel, and for Prometheus. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { counterNames, countersMemory, countersOf, readCounters } from '#sluice/server/counters.js'
import { type CountersMessage, countersChannel, metricsText } from '#sluice/server/index.js'
import { settledMs } from '#sluice/server/response-cache.js'
import { ask, folderOf } from '../http/support.js'
import { eventually, pause } from '../support/eventually.js'
import { onEachEngine } from './support.js'

onEachEngine('everything is counted, once', async (t, start) => {
  const large = 200 * KiB
  const { server, port, connect } = await start(
    t,
    folderOf(t, { 'a.txt': 'a', 'large.bin': Buffer.alloc(large) }),
  )
  const client = connect()
  // By then the last change of the files is over.
  await pause(settledMs)
  let received = 0
  for (const target of ['/a.txt', '/a.txt', '/a.txt', '/large.bin', '/large.bin', '/nothing']) {
    client.get(target)
    await client.response()
    received = client.peer.bytes
  }
  const { etag } = (await ask(port, '/a.txt')).headers
  await ask(port, '/a.txt', { headers: { 'If-None-Match': etag! } })
  await ask(port, '/a.txt', { method: 'POST' })
  await eventually(
    () => server.counters.connectionsClosed === 3,
    () => 'a connection stays',
  )
  const counted = server.counters
  assert.ok(counted.bytes > received && counted.bytes < received + 2000)
  const { bytes, copied, fromMemory, bySendfile, ...others } = counted
  assert.ok(fromMemory > 0)
  assert.equal(fromMemory + bySendfile, 6)
  // Of the large file twice, and of the small one a byte each time that it was not answered from memory.
  assert.equal(bytes - copied, 2 * large + bySendfile - 2)
  assert.deepEqual(others, {
    connections: 4,
    connectionsClosed: 3,
    connectionsRefused: 0,
    requests: 9,
    answers2xx: 6,
    answers3xx: 1,
    answers4xx: 2,
    answers5xx: 0,
    refusedHeads: 0,
    timeouts: 0,
    resets: 0,
    brokenOff: 0,
    logLinesLost: 0,
  })
})

onEachEngine(
  'what was counted is published, by each server for itself, and at last when it closes',
  async (t, start) => {
    const { server, port } = await start(t, folderOf(t, { 'a.txt': 'a' }), { threads: 2 })
    const told: CountersMessage[] = []
    const onMessage = (message: unknown): void => {
      if ((message as CountersMessage).server === server) told.push(message as CountersMessage)
    }
    subscribe(countersChannel, onMessage)
    t.after(() => unsubscribe(countersChannel, onMessage))
    for (let i = 0; i < 5; i++) await ask(port, '/a.txt')
    await eventually(
      () => told.at(-1)?.counters.requests === 5,
      () => 'nothing is published',
    )
    await ask(port, '/a.txt')
    await server.close()
    assert.equal(told.at(-1)!.counters.requests, 6)
  },
)

test('the rows of the threads are added up', () => {
  const memory = countersMemory(3)
  for (let thread = 0; thread < 3; thread++) {
    const row = countersOf(memory, thread)
    counterNames.forEach((_name, index) => {
      row[index] = 100 ** thread * (index + 1)
    })
  }
  const sums = readCounters(memory)
  counterNames.forEach((name, index) => {
    assert.equal(sums[name], 10_101 * (index + 1))
  })
})

test('the text for Prometheus has each counter, with help and type', () => {
  const values = readCounters(countersMemory(1))
  values.connections = 7
  values.connectionsClosed = 5
  values.answers3xx = 2 ** 40
  const text = metricsText(values)
  assert.ok(text.endsWith('\n'))
  const metrics = new Map<string, string>()
  for (const line of text.trimEnd().split('\n')) {
    const comment = /^# (?:HELP (sluice_[a-z_]+) \S.*\.|TYPE (sluice_[a-z_]+) (?:counter|gauge))$/.exec(line)
    const sample = /^(sluice_[a-z_]+(?:\{status="\dxx"\})?) (\d+)$/.exec(line)
    assert.ok(comment !== null || sample !== null, line)
    if (sample !== null) metrics.set(sample[1]!, sample[2]!)
  }
  assert.equal(metrics.size, counterNames.length + 1)
  assert.equal(metrics.get('sluice_connections_total'), '7')
  assert.equal(metrics.get('sluice_connections_open'), '2')
  assert.equal(metrics.get('sluice_answers_total{status="3xx"}'), String(2 ** 40))
})
