/** The traffic against proxies that misbehave: what it counts is what a comparison of proxies rests on. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { chooseCores } from '../../bench/measure/cores.js'
import { describeErrors } from '../../bench/measure/load.js'
import type { Server as StartedServer } from '../../bench/measure/server.js'
import { compileProgram } from '../../bench/programs.js'
import { runTraffic, startUpstream, type Traffic, type TrafficResult } from '../../bench/relay/traffic.js'
import { verifyProxy } from '../../bench/relay/verify.js'

const { client: core } = chooseCores()
const { signal } = new AbortController()
let upstream: StartedServer
let proxy: Server
/** What the proxy does with the two ends of a connection; each test sets its own. */
let pass: (client: Socket, upstream: Socket) => void

before(async () => {
  compileProgram('traffic')
  upstream = await startUpstream(core, signal)
  const options = { allowHalfOpen: true, noDelay: true }
  proxy = createServer(options, client => {
    const there = connect({ ...options, port: upstream.port, host: '127.0.0.1' })
    for (const end of [client, there]) end.on('error', () => {})
    pass(client, there)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
})

after(async () => {
  proxy.close()
  await upstream[Symbol.asyncDispose]()
})

function both(client: Socket, there: Socket): void {
  client.pipe(there)
  there.pipe(client)
}

function through(traffic: Traffic, passing = both, timeout?: number): Promise<TrafficResult> {
  pass = passing
  const { port } = proxy.address() as AddressInfo
  const limits = { port, seconds: 0.1, ...(timeout === undefined ? {} : { timeout }) }
  return runTraffic(traffic, limits, { signal })
}

test('send: streams of a given length come one after the other, each in full', async () => {
  const stream = 300_000
  const result = await through({ kind: 'send', connections: 2, stream })
  assert.equal(describeErrors(result.errors), '')
  assert.ok(result.messages > 2)
  assert.equal(result.bytes, result.messages * stream)
})

for (const kind of ['send', 'receive'] as const) {
  test(`${kind}: several streams are counted to the byte at both ends`, async () => {
    const result = await through({ kind, connections: 3 })
    assert.equal(describeErrors(result.errors), '')
    assert.ok(result.bytes > 3 * 16)
    assert.equal(result.messages, 0)
  })

  test(`${kind}: one byte that is lost is found out`, async () => {
    const result = await through({ kind, connections: 1 }, (client, there) => {
      const [from, to] = kind === 'send' ? [client, there] : [there, client]
      to.pipe(from)
      let lost = false
      from.on('data', (chunk: Buffer) => {
        // Neither of the first bytes, which say what the connection is for, nor of the last, the count.
        const loses = !lost && chunk.length > 1000
        lost ||= loses
        if (!to.write(loses ? chunk.subarray(0, -1) : chunk)) from.pause()
      })
      to.on('drain', () => from.resume())
      from.on('end', () => to.end())
    })
    assert.equal(describeErrors(result.errors), '1 wrong')
    assert.equal(result.bytes, 0)
  })
}

for (const kind of ['exchange', 'connect'] as const) {
  test(`${kind}: every message is answered, with a latency`, async () => {
    const bytes = 4096
    const result = await through({ kind, connections: 4, bytes })
    assert.equal(describeErrors(result.errors), '')
    assert.ok(result.messages > 0)
    assert.equal(result.bytes, result.messages * bytes)
    assert.ok(result.latencyUs.p50 > 0 && result.latencyUs.p50 <= result.latencyUs.p99)
  })
}

test('connect takes a new connection for every message', async () => {
  let connections = 0
  const result = await through({ kind: 'connect', connections: 2, bytes: 1024 }, (client, there) => {
    connections++
    both(client, there)
  })
  assert.equal(connections, result.messages)
})

test('an answer that is not what was sent is wrong', async () => {
  const result = await through({ kind: 'exchange', connections: 1, bytes: 64 }, (client, there) => {
    client.pipe(there)
    there.on('data', (chunk: Buffer) => client.write(Buffer.alloc(chunk.length, 'x')))
  })
  assert.equal(describeErrors(result.errors), '1 wrong')
})

test('a connection that ends before the answer is short', async () => {
  const result = await through({ kind: 'exchange', connections: 1, bytes: 64 }, (client, there) => {
    client.pipe(there)
    there.once('data', (chunk: Buffer) => client.end(chunk.subarray(0, 10)))
  })
  assert.equal(describeErrors(result.errors), '1 short')
})

test('a stream whose count never comes is short', async () => {
  const result = await through({ kind: 'send', connections: 1 }, (client, there) => {
    client.pipe(there)
    there.resume().on('end', () => client.end())
  })
  assert.equal(describeErrors(result.errors), '1 short')
})

test('a reset is counted', async () => {
  const result = await through({ kind: 'receive', connections: 1 }, (client, there) => {
    client.pipe(there)
    there.once('data', () => client.resetAndDestroy())
  })
  assert.equal(describeErrors(result.errors), '1 reset')
})

test('silence fails a connection', async () => {
  const result = await through({ kind: 'exchange', connections: 2, bytes: 64 }, () => {}, 0.05)
  assert.equal(describeErrors(result.errors), '2 timeout')
})

test('a port where nobody listens refuses', async () => {
  const vacant = createServer().listen(0, '127.0.0.1')
  await once(vacant, 'listening')
  const { port } = vacant.address() as AddressInfo
  vacant.close()
  await once(vacant, 'close')
  const result = await runTraffic({ kind: 'exchange', connections: 1 }, { port, seconds: 0.1 }, { signal })
  assert.equal(describeErrors(result.errors), '1 connect')
})

test('a proxy is right that gives back what was sent, also after the client has ended', async () => {
  pass = both
  await verifyProxy((proxy.address() as AddressInfo).port, signal)
})

test('a proxy that changes one byte is found out', async () => {
  let changed = false
  pass = (client, there) => {
    client.pipe(there)
    there.on('data', (chunk: Buffer) => {
      if (!changed) chunk[chunk.length - 1]! ^= 1
      changed = true
      client.write(chunk)
    })
    there.on('end', () => client.end())
  }
  await assert.rejects(verifyProxy((proxy.address() as AddressInfo).port, signal), { name: 'BenchError' })
})
