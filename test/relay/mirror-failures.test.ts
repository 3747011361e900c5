/** Mirrors that are waited for and cannot be had or fail, clients that break off meanwhile, and mirrors that answer. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, symlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import type { ConnectionEnd } from '#sluice/relay/connection-end.js'
import type { ProxyOptions } from '#sluice/relay/options.js'
import type { TcpProxy } from '#sluice/relay/proxy-types.js'
import { needsAddon } from '../support/addon.js'
import { eventually } from '../support/eventually.js'
import { stalls } from '../support/several-ends.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { beginToDial, deadAddress, dial, echo, openProxy, readAll, upstream } from './support.js'

/** More than a mirror that takes nothing, or answers without being heard, can have on its way. */
const largeBytes = 24 * MiB

/** A proxy, and the connections of it that are over. */
async function watched(
  t: Ending,
  options: Partial<ProxyOptions> & Pick<ProxyOptions, 'upstreams'>,
): Promise<{ proxy: TcpProxy; over: ConnectionEnd[]; ending: () => Promise<string> }> {
  const over: ConnectionEnd[] = []
  const proxy = await openProxy(t, { ...options, onEnd: end => over.push(end) })
  const ending = async (): Promise<string> => {
    await eventually(
      () => over.length > 0,
      () => 'no connection is over',
    )
    return over[0]!.ending
  }
  return { proxy, over, ending }
}

for (const slow of ['wait', 'drop'] as const) {
  for (const whole of [true, false]) {
    const when = whole ? 'when it has heard all' : 'as it hears'
    test(`a mirror that answers ${when} gets everything, and an end: '${slow}'`, needsAddon, async t => {
      const heard: Promise<Buffer>[] = []
      const errors: Error[] = []
      let closed = 0
      let heardBytes = 0
      const to = await upstream(t, socket => {
        socket.on('error', error => errors.push(error))
        socket.on('data', bytes => {
          heardBytes += bytes.length
        })
        socket.on('close', () => closed++)
        heard.push(readAll(socket))
        if (whole) socket.once('end', () => socket.end(Buffer.alloc(MiB, 'nobody hears this')))
        else socket.pipe(socket)
      })
      const proxy = await openProxy(t, {
        upstreams: [await upstream(t, echo)],
        mirror: { to: `tcp:${to}`, slow },
      })
      const sent = randomBytes(whole ? MiB : largeBytes)
      const client = await dial(t, proxy)
      const answer = readAll(client)
      // At the mirror's pace: one that may be dropped is not to be hurried.
      for (let at = 0; at < sent.length; at += MiB) {
        client.write(sent.subarray(at, at + MiB))
        if (slow === 'drop') await eventually(() => heardBytes >= at, String)
      }
      client.end()
      assert.ok((await answer).equals(sent))
      assert.ok((await heard[0]!).equals(sent))
      await eventually(
        () => closed === 1,
        () => 'the mirror has no end',
      )
      assert.deepEqual(errors, [])
      assert.equal(proxy.counters.mirrorsDropped, 0)
    })
  }
}

test('who is to wait for a mirror that cannot be had is reset, and counted', needsAddon, async t => {
  const said: Buffer[] = []
  const upstreams = [await upstream(t, socket => void socket.on('data', bytes => said.push(bytes)))]
  const folder = temporaryFolder(t)
  const occupied = join(folder, 'occupied')
  mkdirSync(occupied)
  for (const { to, of, dropped } of [
    { to: `tcp:${await deadAddress()}`, of: 'client', dropped: 1 },
    { to: `tcp:${await deadAddress()}`, of: 'both', dropped: 2 },
    { to: `file:${join(folder, 'no such folder', 'x')}`, of: 'both', dropped: 2 },
    // That of the answers can be had.
    { to: `file:${occupied}`, of: 'both', dropped: 1 },
  ] as const) {
    const { proxy, ending } = await watched(t, { upstreams, mirror: { to, slow: 'wait', of } })
    const client = beginToDial(t, proxy)
    const answer = readAll(client)
    client.write('to be heard by both')
    assert.equal(await ending(), 'mirror failed')
    assert.equal((await answer).length, 0)
    const { mirrorsFailed, mirrorsDropped } = proxy.counters
    assert.deepEqual([mirrorsFailed, mirrorsDropped], [1, dropped])
  }
  assert.deepEqual(said, [])
})

test('a mirror that is waited for and fails ends the connection, which says so', needsAddon, async t => {
  const full = join(temporaryFolder(t), 'full')
  symlinkSync('/dev/full', full)
  const resetting = await upstream(t, socket => void socket.once('data', () => socket.resetAndDestroy()))
  for (const to of [`file:${full}`, `tcp:${resetting}`]) {
    const { proxy, ending } = await watched(t, {
      upstreams: [await upstream(t, echo)],
      mirror: { to, slow: 'wait' },
    })
    const client = await dial(t, proxy)
    const answer = readAll(client)
    client.write(Buffer.alloc(largeBytes))
    assert.equal(await ending(), 'mirror failed')
    assert.ok((await answer).length < largeBytes)
    const { mirrorsFailed, mirrorsDropped } = proxy.counters
    assert.deepEqual([mirrorsFailed, mirrorsDropped], [1, 1])
  }
})

for (const { what, slow, mirrorReads, upstreamReads } of [
  { what: 'its mirror', slow: 'wait', mirrorReads: false, upstreamReads: true },
  { what: 'its upstream', slow: 'wait', mirrorReads: true, upstreamReads: false },
  { what: 'its upstream', slow: 'drop', mirrorReads: true, upstreamReads: false },
] as const) {
  test(
    `a client that is reset while ${what} takes nothing leaves nothing behind: '${slow}'`,
    needsAddon,
    async t => {
      const [mirrors, upstreams]: [Socket[], Socket[]] = [[], []]
      const to = await upstream(
        t,
        socket => void mirrors.push(mirrorReads ? socket.resume() : socket.pause()),
      )
      const at = await upstream(
        t,
        socket => void upstreams.push(upstreamReads ? socket.resume() : socket.pause()),
      )
      const { proxy, ending } = await watched(t, { upstreams: [at], mirror: { to: `tcp:${to}`, slow } })
      const client = await dial(t, proxy)
      client.write(Buffer.alloc(largeBytes, 'until nobody takes any more '))
      await stalls(() => client.writableLength)
      assert.ok(client.writableLength > 0, 'all has gone')
      const [stalled, other] = mirrorReads ? [upstreams[0]!, mirrors[0]!] : [mirrors[0]!, upstreams[0]!]
      const told = readAll(other)
      client.resetAndDestroy()
      assert.equal(await ending(), 'client reset')
      await told
      await readAll(stalled.resume())
      assert.equal(proxy.counters.mirrorsDropped, 0, 'it is not the mirror that failed')
      assert.ok(proxy.counters.mirroredBytes > 0)
    },
  )
}

test(
  'a mirror that may be dropped and is never there is soon not waited for, and one that must be is',
  needsAddon,
  async t => {
    const dead = await deadAddress()
    for (const { slow, state } of [
      { slow: 'drop', state: 'down' },
      { slow: 'wait', state: 'up' },
    ] as const) {
      const proxy = await openProxy(t, {
        upstreams: [await upstream(t, echo)],
        mirror: { to: `tcp:${dead}`, slow },
      })
      for (let count = 0; count < 4; count++) await readAll((await dial(t, proxy)).end('x'))
      assert.equal(proxy.upstreams.find(({ route }) => route === '(mirror)')!.state, state)
      assert.equal(proxy.counters.mirrorsDropped, 4)
    }
  },
)
