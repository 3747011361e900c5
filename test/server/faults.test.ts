/** What the kernel may do, but seldom does when one waits for it: made up, on a thread of a server that runs here. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { countersMemory, countersOf, readCounters } from '#sluice/server/counters.js'
import { openListeners } from '#sluice/server/listener.js'
import { resolveServerOptions } from '#sluice/server/options.js'
import { ServerThread } from '#sluice/server/thread.js'
import { warm } from '#sluice/transfer/residency.js'
import { folderOf } from '../http/support.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { RawClient } from '../support/raw-http.js'
import { nativeWith } from '../support/scripted-native.js'
import { engines } from './support.js'

const { EAGAIN, ECONNABORTED, EINTR, EMFILE, ENOBUFS, ENOSPC, EOPNOTSUPP } = constants.errno
const large = Buffer.alloc(300 * KiB, 'large ')
const small = Buffer.alloc(9 * KiB, 'small ')

/** A thread of a server over these calls, in the thread of the test. */
async function serveHere(t: TestContext, engine: 'ring' | 'poll', calls: Partial<Native>) {
  // The null device is opened once, and kept.
  await warm(native!, 0, 0, 0)
  const before = openDescriptors()
  const root = folderOf(t, { 'large.bin': large, 'small.bin': small })
  const { fds, address } = await openListeners(native!, { host: '127.0.0.1', port: 0, count: 1 })
  const counters = countersMemory(1)
  const settings = resolveServerOptions({ root, engine, cacheBytes: 1 << 20 })
  const thread = new ServerThread(nativeWith(calls), fds[0]!, settings, countersOf(counters, 0))
  thread.begin()
  const clients: RawClient[] = []
  return {
    counters: () => readCounters(counters),
    connect() {
      const client = new RawClient(t, { address: () => ({ ...address, family: 'IPv4' }) })
      clients.push(client)
      return client
    },
    async close() {
      for (const { peer } of clients) peer.socket.destroy()
      const drained = thread.drain()
      thread.cutOff()
      await drained
      await thread.close()
      await descriptorsBackTo(before)
    },
  }
}

/** `results` by turns, and the real call where one is null. */
function byTurns<Arguments extends unknown[]>(
  results: readonly (number | null)[],
  call: (...args: Arguments) => number,
): (...args: Arguments) => number {
  let turn = 0
  return (...args) => results[turn++ % results.length] ?? call(...args)
}

async function answersAll(client: RawClient): Promise<void> {
  for (const [target, body] of [
    ['/small.bin', small],
    ['/small.bin', small],
    ['/large.bin', large],
    ['/large.bin', large],
    ['/small.bin', small],
  ] as const) {
    client.get(target)
    assert.ok((await client.response()).body.equals(body))
  }
}

for (const { engine, skip } of engines) {
  test(`interrupted and short calls lose and repeat nothing [${engine}]`, { skip }, async t => {
    const real = native!
    const server = await serveHere(t, engine, {
      accept4: byTurns([-EINTR, -ECONNABORTED, null], real.accept4),
      recv: byTurns([-EINTR, null, null], real.recv),
      epollWaitFor: byTurns([null, -EINTR], real.epollWaitFor),
      sendText: byTurns([-EINTR, null], (fd, text, flags) => real.sendText(fd, text.slice(0, 50), flags)),
      sendRange: byTurns([null, -EINTR], (fd, bytes, at, length, flags) =>
        real.sendRange(fd, bytes, at, Math.min(length, 1000), flags),
      ),
      sendfile: byTurns([-EINTR, null], (out, input, offset, count) =>
        real.sendfile(out, input, offset, Math.min(count, 10_000)),
      ),
    })
    for (let i = 0; i < 5; i++) await answersAll(server.connect())
    const { requests, answers2xx, brokenOff } = server.counters()
    assert.deepEqual([requests, answers2xx, brokenOff], [25, 25, 0])
    await server.close()
  })

  test(`a file that is never found in memory is served by way of threads [${engine}]`, {
    skip,
  }, async t => {
    const server = await serveHere(t, engine, { preadNoWait: () => -EAGAIN })
    await answersAll(server.connect())
    assert.equal(server.counters().bySendfile, 5)
    await server.close()
  })

  test(`what was sent is answered from memory where reading cannot be asked not to wait [${engine}]`, {
    skip,
  }, async t => {
    const server = await serveHere(t, engine, {
      preadNoWait: () => -EOPNOTSUPP,
      cachestat: () => -EOPNOTSUPP,
    })
    const client = server.connect()
    // The first time nobody knows whether it is in memory; what was sent is remembered for a tenth of a second.
    while (server.counters().fromMemory === 0) {
      client.get('/small.bin')
      assert.ok((await client.response()).body.equals(small))
    }
    assert.ok(server.counters().bySendfile > 0)
    await server.close()
  })
}

const poll = engines.find(({ engine }) => engine === 'poll')!

test('where accepting fails for want of descriptors or memory, it is tried again', poll, async t => {
  const accept4 = byTurns([-EMFILE, -ENOBUFS, null, null], native!.accept4)
  const server = await serveHere(t, 'poll', { accept4 })
  for (let i = 0; i < 3; i++) await answersAll(server.connect())
  await server.close()
})

test('a connection that cannot be watched is refused, and the next is not', poll, async t => {
  let refusals = 0
  const server = await serveHere(t, 'poll', {
    epollControl(epoll, operation, fd, mask, tag, generation) {
      const refused = (mask & native!.EPOLLOUT) !== 0 && refusals++ === 0
      return refused ? -ENOSPC : native!.epollControl(epoll, operation, fd, mask, tag, generation)
    },
  })
  assert.equal((await server.connect().rest()).length, 0)
  await answersAll(server.connect())
  const { connections, connectionsRefused, connectionsClosed } = server.counters()
  assert.deepEqual([connections, connectionsRefused, connectionsClosed], [2, 1, 1])
  await server.close()
})
