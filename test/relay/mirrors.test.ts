/** Mirrors of the proxy: what they get, and that what becomes of them is nothing to the connection. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import type { TcpProxy } from '#sluice/relay/proxy-types.js'
import { needsAddon } from '../support/addon.js'
import { eventually } from '../support/eventually.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { type Answer, deadAddress, dial, echo, openProxy, readAll, upstream } from './support.js'

/** More than a mirror that does not read can have waiting for it: socket buffers, and what the proxy keeps. */
const largeBytes = 24 * MiB

/** Sends all, and takes the answer. */
async function exchange(t: Ending, proxy: TcpProxy, bytes: Buffer): Promise<Buffer> {
  const client = await dial(t, proxy)
  const answer = readAll(client)
  client.end(bytes)
  return await answer
}

/** What a mirror that listens was sent, by connection. */
function hearing(): { heard: Promise<Buffer>[]; answer: Answer } {
  const heard: Promise<Buffer>[] = []
  return {
    heard,
    answer: socket => {
      heard.push(readAll(socket))
      socket.once('end', () => socket.end())
    },
  }
}

/** A mirror that reads nothing by itself. */
async function sleeper(t: Ending, kind?: 'Unix'): Promise<{ held: Socket[]; to: string }> {
  const held: Socket[] = []
  return { held, to: await upstream(t, socket => void held.push(socket.pause()), kind) }
}

async function mirrored(proxy: TcpProxy, bytes: number): Promise<void> {
  await eventually(
    () => proxy.counters.mirroredBytes === bytes || proxy.counters.mirrorsDropped > 0,
    () => `${proxy.counters.mirroredBytes} bytes were mirrored, not ${bytes}`,
  )
  assert.equal(proxy.counters.mirrorsDropped, 0, 'a mirror was dropped')
}

/** What is in a file that a mirror of nothing may yet have to make. */
async function fileOf(path: string): Promise<Buffer> {
  await eventually(
    () => existsSync(path),
    () => `${path} was not made`,
  )
  return readFileSync(path)
}

for (const slow of ['wait', 'drop'] as const) {
  test(`files get what clients sent, one each, and the answers: '${slow}'`, needsAddon, async t => {
    const path = join(temporaryFolder(t), 'mirror')
    const mirror = { to: `file:${path}`, slow, of: 'both' } as const
    const proxy = await openProxy(t, { upstreams: [await upstream(t, answering)], mirror })
    // A mirror may be dropped that gets no turn in time: no more than what its backlog holds.
    const sent = [randomBytes(slow === 'wait' ? 2 * MiB + 1 : MiB - 3), randomBytes(77), Buffer.alloc(0)]
    let bytes = 0
    for (const [index, said] of sent.entries()) {
      const answer = await exchange(t, proxy, said)
      bytes += said.length + answer.length
      await mirrored(proxy, bytes)
      const name = index === 0 ? path : `${path}.${index + 1}`
      assert.ok((await fileOf(name)).equals(said))
      assert.ok(answer.equals(Buffer.from(said).reverse()))
      assert.ok((await fileOf(`${name}.answers`)).equals(answer))
    }
  })

  test(`another server gets what clients sent: '${slow}'`, needsAddon, async t => {
    const { heard, answer } = hearing()
    const mirror = { to: `tcp:${await upstream(t, answer)}`, slow } as const
    const proxy = await openProxy(t, { upstreams: [await upstream(t, echo)], mirror })
    const sent = randomBytes(MiB - 3)
    assert.ok((await exchange(t, proxy, sent)).equals(sent))
    await mirrored(proxy, sent.length)
    assert.equal(heard.length, 1)
    assert.ok((await heard[0]!).equals(sent))
  })
}

/** Says what it heard backwards. */
const answering: Answer = async socket => {
  const said = await readAll(socket)
  socket.end(said.reverse())
}

test(
  'a mirror that never reads is dropped with a count, and the connection is through without it',
  needsAddon,
  async t => {
    const { held, to } = await sleeper(t)
    const proxy = await openProxy(t, {
      upstreams: [await upstream(t, echo)],
      mirror: { to: `tcp:${to}`, slow: 'drop' },
    })
    const sent = Buffer.alloc(largeBytes, 'not for a mirror that sleeps ')
    assert.ok((await exchange(t, proxy, sent)).equals(sent))
    await eventually(
      () => proxy.counters.mirrorsDropped === 1,
      () => 'no mirror was dropped',
    )
    const had = await readAll(held[0]!.resume())
    assert.ok(had.length < sent.length)
    assert.ok(had.equals(sent.subarray(0, had.length)), 'what it had is how the stream began')
  },
)

test(
  "with 'wait' a mirror that does not read holds up the connection, and nothing is lost",
  needsAddon,
  async t => {
    const { held, to } = await sleeper(t)
    const proxy = await openProxy(t, {
      upstreams: [await upstream(t, echo)],
      mirror: { to: `tcp:${to}`, slow: 'wait' },
    })
    const sent = Buffer.alloc(largeBytes, 'worth waiting for ')
    const answer = exchange(t, proxy, sent)
    await eventually(
      () => held.length === 1,
      () => 'the mirror has no connection',
    )
    const heard = readAll(held[0]!.resume())
    assert.ok((await answer).equals(sent))
    assert.ok((await heard).equals(sent))
    assert.equal(proxy.counters.mirrorsDropped, 0)
  },
)

test('who cannot be mirrored is served all the same, and counted', needsAddon, async t => {
  const upstreams = [await upstream(t, echo)]
  const path = join(temporaryFolder(t), 'no such folder', 'mirror')
  for (const to of [`tcp:${await deadAddress()}`, `file:${path}`]) {
    const proxy = await openProxy(t, { upstreams, mirror: { to, slow: 'drop' } })
    const sent = randomBytes(300_000)
    assert.ok((await exchange(t, proxy, sent)).equals(sent))
    await eventually(
      () => proxy.counters.mirrorsDropped === 1,
      () => `${to} was not counted as dropped`,
    )
    assert.equal(proxy.counters.mirroredBytes, 0)
  }
})

test(
  'a mirror that resets its connection is dropped, and the client does not notice',
  needsAddon,
  async t => {
    let hears = 0
    const to = await upstream(t, socket => {
      socket.on('data', bytes => {
        hears += bytes.length
        if (hears > 100_000) socket.resetAndDestroy()
      })
    })
    const proxy = await openProxy(t, {
      upstreams: [await upstream(t, echo)],
      mirror: { to: `tcp:${to}`, slow: 'drop' },
    })
    const sent = Buffer.alloc(largeBytes, 'on and on ')
    assert.ok((await exchange(t, proxy, sent)).equals(sent))
    await eventually(
      () => proxy.counters.mirrorsDropped === 1,
      () => 'the mirror was not counted as dropped',
    )
  },
)

for (const slow of ['wait', 'drop'] as const) {
  test(
    `descriptors that another connection had are no matter, however late its mirror is: '${slow}'`,
    needsAddon,
    async t => {
      const path = join(temporaryFolder(t), 'mirror')
      const proxy = await openProxy(t, {
        upstreams: [await upstream(t, echo)],
        mirror: { to: `file:${path}`, slow },
      })
      // Clients that come while others go have their numbers, and those are still being written of.
      const clients = async (): Promise<void> => {
        for (let round = 0; round < 40; round++) {
          const sent = randomBytes(1 + round * 3000)
          assert.ok((await exchange(t, proxy, sent)).equals(sent))
        }
      }
      await Promise.all(Array.from({ length: 6 }, clients))
    },
  )
}

test(
  'the upstream hears of the end at once, though a mirror is still to get what came before',
  needsAddon,
  async t => {
    // What waits for it is more than the buffers of a Unix socket hold, and less than what a mirror is dropped for.
    const { to } = await sleeper(t, 'Unix')
    const ended: Promise<Buffer>[] = []
    const answeringFirst = await upstream(t, socket => {
      ended.push(readAll(socket))
      socket.end('no more of me')
    })
    const proxy = await openProxy(t, { upstreams: [answeringFirst], mirror: { to: to, slow: 'drop' } })
    const client = await dial(t, proxy)
    assert.equal(String(await readAll(client)), 'no more of me')
    client.end(Buffer.alloc(MiB, 'slow '))
    await ended[0]
    const { mirroredBytes, mirrorsDropped } = proxy.counters
    assert.deepEqual([mirroredBytes, mirrorsDropped], [0, 0], 'the mirror has not ended yet')
  },
)
