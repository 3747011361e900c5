import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { duplexPair, PassThrough } from 'node:stream'
import { test } from 'node:test'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { KiB, MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { type RelayOptions, relay } from '#sluice/relay/relay.js'
import { certificate } from '../support/certificate.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { type Ending, listener, type SocketKind, type SocketPair, socketPair } from '../support/sockets.js'

const path = native === null ? 'copy' : 'splice'

interface Joined {
  /** Whoever is at the other side of `a`, and of `b`. */
  readonly left: SocketPair
  readonly right: SocketPair
  readonly done: ReturnType<typeof relay>
}

async function join(
  t: Ending,
  options: RelayOptions = {},
  [one, other]: readonly [SocketKind, SocketKind] = ['TCP', 'TCP'],
): Promise<Joined> {
  const left = await socketPair(t, { kind: one })
  const right = await socketPair(t, { kind: other })
  const done = relay(left.socket, right.socket, options)
  // A test waits for it where it is interested.
  done.catch(() => {})
  return { left, right, done }
}

for (const kinds of [
  ['TCP', 'TCP'],
  ['TCP', 'Unix'],
  ['Unix', 'TCP'],
] as const) {
  test(`${kinds.join(' and ')}: bytes go both ways, and one side may end long before the other`, async t => {
    const { left, right, done } = await join(t, {}, kinds)
    const question = randomBytes(3 * MiB)
    const answer = randomBytes(MiB + 1)
    left.peer.socket.end(question)
    assert.deepEqual(await right.peer.take(), question)
    assert.equal(left.peer.over, false)
    right.peer.socket.end(answer)
    assert.deepEqual(await left.peer.take(), answer)
    const { aToB, bToA, ms } = await done
    assert.deepEqual([aToB.bytes, bToA.bytes], [question.length, answer.length])
    assert.deepEqual([aToB.path, bToA.path], [path, path])
    assert.ok(ms > 0)
    for (const { socket } of [left, right]) if (!socket.closed) await once(socket, 'close')
  })
}

test('messages are answered one by one, and nothing waits for more', async t => {
  const { left, right, done } = await join(t)
  let count = 0
  for (let index = 0; index < 50; index++) {
    left.peer.socket.write('ping')
    count += 4
    await right.peer.take(count)
    right.peer.socket.write('pong')
    await left.peer.take(count)
  }
  left.peer.socket.end()
  right.peer.socket.end()
  const { aToB, bToA } = await done
  assert.deepEqual([aToB.bytes, bToA.bytes], [count, count])
})

test('what Node had read before goes first', async t => {
  const left = await socketPair(t)
  const right = await socketPair(t)
  left.peer.socket.write('early ')
  await once(left.socket, 'readable')
  const done = relay(left.socket, right.socket)
  left.peer.socket.end('late')
  assert.equal(String(await right.peer.take()), 'early late')
  right.peer.socket.end()
  await done
})

test('a socket that is still connecting is waited for', async t => {
  const left = await socketPair(t)
  const server = await listener(t)
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection')
  const done = relay(left.socket, connect({ port, host: '127.0.0.1' }))
  left.peer.socket.end('hello')
  const [right] = (await accepted) as [Socket]
  right.pipe(right)
  assert.equal(String(await left.peer.take()), 'hello')
  const { aToB, bToA } = await done
  assert.deepEqual([aToB.path, bToA.path], [path, path])
})

test('one that cannot be connected is a failure', async t => {
  const left = await socketPair(t)
  const server = await listener(t)
  const { port } = server.address() as AddressInfo
  server.close()
  await assert.rejects(relay(left.socket, connect({ port, host: '127.0.0.1' })), { syscall: 'connect' })
  assert.ok(left.socket.destroyed)
  const other = await socketPair(t)
  const given = connect({ port, host: '127.0.0.1' })
  const done = relay(other.socket, given)
  given.destroy()
  await assert.rejects(done, { code: 'ERR_SLUICE_SOCKET_CLOSED' })
})

for (const kind of ['TCP', 'Unix'] as const) {
  test(`${kind}: where one side breaks off, the other does not take it for an end`, async t => {
    const { left, right, done } = await join(t, {}, [kind, 'TCP'])
    left.peer.socket.write('half of a')
    await right.peer.take(9)
    const broken = once(right.peer.socket, 'error')
    if (kind === 'TCP') left.peer.socket.resetAndDestroy()
    else left.socket.destroy()
    await assert.rejects(done, {
      code: kind === 'TCP' ? 'ERR_SLUICE_PEER_CLOSED' : 'ERR_SLUICE_SOCKET_CLOSED',
    })
    const [error] = (await broken) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNRESET')
    assert.ok(left.socket.destroyed && right.socket.destroyed)
  })
}

test('a reset by who receives reaches who sends', async t => {
  const { left, right, done } = await join(t)
  const broken = once(left.peer.socket, 'error')
  left.peer.socket.write(Buffer.alloc(8 * MiB))
  await right.peer.take(KiB)
  right.peer.socket.resetAndDestroy()
  await assert.rejects(done, { code: 'ERR_SLUICE_PEER_CLOSED' })
  await broken
})

const limits: readonly [string, () => RelayOptions, string][] = [
  ['idleMs', () => ({ idleMs: 30 }), 'ERR_SLUICE_DEADLINE'],
  ['halfClosedMs', () => ({ halfClosedMs: 30 }), 'ERR_SLUICE_DEADLINE'],
  ['lifetimeMs', () => ({ lifetimeMs: 30 }), 'ERR_SLUICE_DEADLINE'],
  ['a signal', () => ({ signal: AbortSignal.timeout(30) }), 'ERR_SLUICE_ABORTED'],
  ['a signal that was aborted before', () => ({ signal: AbortSignal.abort() }), 'ERR_SLUICE_ABORTED'],
]
for (const [name, options, code] of limits) {
  test(`${name} ends both sides with a reset`, async t => {
    const { left, right, done } = await join(t, options())
    // Whoever has had the end of what comes does not read any more.
    const listening = name === 'halfClosedMs' ? [left] : [left, right]
    const broken = listening.map(({ peer }) => once(peer.socket, 'error'))
    if (name === 'halfClosedMs') left.peer.socket.end()
    await assert.rejects(done, { code })
    await Promise.all(broken)
  })
}

test('a limit on silence does not end what moves', async t => {
  const { left, right, done } = await join(t, { idleMs: 300 })
  for (let index = 0; index < 12; index++) {
    await new Promise(resolve => setTimeout(resolve, 50))
    left.peer.socket.write('x')
  }
  left.peer.socket.end()
  right.peer.socket.end()
  assert.equal((await done).aToB.bytes, 12)
})

test('TLS is copied, and other duplex streams are', async t => {
  const server = createTlsServer(certificate(t, 'localhost'), socket => void socket.pipe(socket)).listen(0)
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const secure = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(secure, 'secureConnect')
  const [near, far] = duplexPair()
  const done = relay(near, secure)
  far.end('both ways')
  assert.equal(String(await far.toArray().then(Buffer.concat)), 'both ways')
  const { aToB, bToA } = await done
  assert.deepEqual([aToB.path, bToA.path], ['copy', 'copy'])
})

test('many of them leave no descriptor behind', async t => {
  // The first time for the pipes, which stay in their pool.
  await t.test('once', twenty)
  const before = openDescriptors()
  await t.test('again', twenty)
  await descriptorsBackTo(before)
})

async function twenty(t: Ending): Promise<void> {
  const joined = await Promise.all(Array.from({ length: 20 }, () => join(t)))
  for (const [index, { left, right }] of joined.entries()) {
    left.peer.socket.write(Buffer.alloc(100 * KiB))
    if (index % 2 === 0) {
      await right.peer.take(KiB)
      left.peer.socket.resetAndDestroy()
    } else {
      left.peer.socket.end()
      right.peer.socket.end()
    }
  }
  const results = await Promise.allSettled(joined.map(({ done }) => done))
  assert.equal(results.filter(({ status }) => status === 'rejected').length, 10)
}

test('what is no pair of sockets is refused', async t => {
  const { socket } = await socketPair(t)
  const wrong: readonly [unknown, unknown, RelayOptions?][] = [
    [socket, socket],
    [socket, 'a word'],
    [new PassThrough().resume(), 7],
    [socket, new PassThrough(), { idleMs: -1 }],
    [socket, new PassThrough(), { lifetimeMs: 1.5 }],
    [socket, new PassThrough(), { prefer: 'sendfile' as 'copy' }],
  ]
  for (const [a, b, options] of wrong)
    await assert.rejects(relay(a as never, b as never, options), { code: 'ERR_SLUICE_OPTION' })
  assert.equal(socket.destroyed, false)
})
