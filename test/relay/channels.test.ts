import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type TestContext, test } from 'node:test'
import { connectionChannel, isEndHeard, tellEnd } from '#sluice/relay/connection-channel.js'
import type { ConnectionEnd } from '#sluice/relay/connection-end.js'
import { type ProxyCountersMessage, proxyCountersChannel } from '#sluice/relay/counters-channel.js'
import { needsAddon } from '../support/addon.js'
import { eventually } from '../support/eventually.js'
import { hear, openProxy, saying, upstream } from './support.js'

function listen<Message>(t: TestContext, name: string): Message[] {
  const heard: Message[] = []
  const onMessage = (message: unknown): void => void heard.push(message as Message)
  subscribe(name, onMessage)
  t.after(() => unsubscribe(name, onMessage))
  return heard
}

test('connections that are over are told on their channel', needsAddon, async t => {
  const ends = listen<ConnectionEnd>(t, connectionChannel)
  const proxy = await openProxy(t, { upstreams: [await upstream(t, saying('hello'))] })
  assert.equal(await hear(t, proxy), 'hello')
  await eventually(
    () => ends.length === 1,
    () => `${ends.length} ends`,
  )
  const { ending, client, upstream: to, toClient, beganMs, ms } = ends[0]!
  assert.deepEqual([ending, toClient.spliced + toClient.copied], ['ended', 5])
  assert.ok(client !== null && 'port' in client && client.address === '127.0.0.1')
  assert.deepEqual(to, { address: '127.0.0.1', port: Number(proxy.upstreams[0]!.address.split(':')[1]) })
  assert.ok(Math.abs(beganMs - Date.now()) < 60_000 && ms >= 0)
})

test('counters are told once a second, and when the proxy has closed', needsAddon, async t => {
  const messages = listen<ProxyCountersMessage>(t, proxyCountersChannel)
  const proxy = await openProxy(t, { upstreams: [await upstream(t, saying('hello'))] })
  await hear(t, proxy)
  await eventually(
    () => messages.length > 0,
    () => 'nothing is told',
  )
  assert.equal(messages[0]!.proxy, proxy)
  const before = messages.length
  await proxy.close()
  assert.equal(messages.length, before + 1)
  assert.deepEqual(messages.at(-1)!.counters, proxy.counters)
  assert.deepEqual([proxy.counters.connections, proxy.counters.connectionsClosed], [1, 1])
})

test('what onEnd throws is uncaught, and no harm is done', async t => {
  const [listener] = process.listeners('uncaughtException')
  const thrown: unknown[] = []
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', error => void thrown.push(error))
  t.after(() => {
    process.removeAllListeners('uncaughtException')
    if (listener !== undefined) process.on('uncaughtException', listener)
  })
  const fault = new Error('of the program')
  const onEnd = (): never => {
    throw fault
  }
  const ends = listen<ConnectionEnd>(t, connectionChannel)
  const end = { ending: 'ended' } as ConnectionEnd
  tellEnd({ onEnd }, end)
  assert.deepEqual(ends, [end])
  await eventually(
    () => thrown.length > 0,
    () => 'nothing was thrown',
  )
  assert.deepEqual(thrown, [fault])
})

test('where nobody listens nothing is told', t => {
  assert.equal(isEndHeard({ onEnd: undefined }), false)
  assert.equal(isEndHeard({ onEnd: () => {} }), true)
  const ends = listen<string>(t, connectionChannel)
  assert.equal(isEndHeard({ onEnd: undefined }), true)
  const told: unknown[] = []
  const end = { ending: 'ended' } as ConnectionEnd
  tellEnd({ onEnd: one => void told.push(one) }, end)
  assert.deepEqual([told, ends], [[end], [end]])
})
