/** Descriptors that are kept for mirrors: who was accepted gets on, however short they are. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:os'
import { test } from 'node:test'
import { defaultEngine } from '#sluice/engine/default.js'
import { native } from '#sluice/native/load.js'
import { proxyCounterRow, readProxyCounters } from '#sluice/relay/counters.js'
import { Mirrors } from '#sluice/relay/mirrors.js'
import { resolveProxyOptions } from '#sluice/relay/resolve-options.js'
import { Routing } from '#sluice/relay/routing.js'
import { needsAddon } from '../support/addon.js'
import { nativeWith } from '../support/scripted-native.js'
import { upstreamServer } from './support.js'

/** What is duplicated, and what the duplicate is called. */
const [clientFd, keptFd] = [100_000, 100_001]

test('a mirror that is waited for gets the descriptor that was kept for it, at once', needsAddon, async t => {
  const { server, address } = await upstreamServer(
    t,
    socket => void socket.resume().on('end', () => socket.end()),
  )
  const connection = once(server, 'connection')
  const settings = resolveProxyOptions({
    listen: '127.0.0.1:0',
    upstreams: ['127.0.0.1:1'],
    mirror: { to: `tcp:${address}`, slow: 'wait' },
  })
  const routing = await Routing.open(settings)
  t.after(() => routing.close())
  const kept = new Set<number>()
  const scripted = nativeWith({
    dup: fd => {
      assert.equal(fd, clientFd)
      kept.add(keptFd)
      return keptFd
    },
    close: fd => (kept.delete(fd) ? 0 : native!.close(fd)),
    socket: (...of) => (kept.size > 0 ? -constants.errno.EMFILE : native!.socket(...of)),
  })
  const row = proxyCounterRow()
  const mirrors = new Mirrors(scripted, defaultEngine()!, row)
  const client = { fd: clientFd }
  mirrors.reserve(client, settings.mirror)
  assert.deepEqual([...kept], [keptFd])
  // Who waited for a while would wait for ever.
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const opened = await mirrors.open(client, settings.mirror!, routing.mirror, 1000)
  t.mock.timers.reset()
  assert.equal(kept.size, 0)
  opened!.toUpstream!.onEnd({ bytes: 5, why: '' })
  const [socket] = await connection
  await once(socket, 'close')
  const { mirroredBytes, mirrorsDropped } = readProxyCounters(row)
  assert.deepEqual([mirroredBytes, mirrorsDropped], [5, 0])
})

test('nothing is kept for mirrors that may be dropped, nor once it was given back', needsAddon, () => {
  const kept: number[] = []
  const scripted = nativeWith({
    dup: () => {
      kept.push(keptFd)
      return keptFd
    },
    close: () => {
      kept.pop()
      return 0
    },
  })
  const mirrors = new Mirrors(scripted, defaultEngine()!, proxyCounterRow())
  const client = { fd: clientFd }
  mirrors.reserve(client, null)
  mirrors.reserve(client, { to: { kind: 'file', path: '/nowhere' }, slow: 'drop', of: 'both' })
  assert.equal(mirrors.unreserve(client), false)
  mirrors.reserve(client, { to: { kind: 'file', path: '/nowhere' }, slow: 'wait', of: 'both' })
  assert.equal(kept.length, 2)
  assert.equal(mirrors.unreserve(client), true)
  assert.equal(mirrors.unreserve(client), false)
  assert.equal(kept.length, 0)
})
