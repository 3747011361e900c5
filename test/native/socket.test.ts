import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { calls, needsAddon, owned, pair } from './support.js'

const { EAGAIN, EINPROGRESS, EINVAL, ENOPROTOOPT, EPIPE } = constants.errno
const loopback = 0x7f000001

test('bytes sent over loopback are received, and an end is seen as 0 bytes', needsAddon, async t => {
  const { client, server } = await connection(t)
  const bytes = Buffer.alloc(10)
  assert.equal(calls.recv(server, bytes, calls.MSG_DONTWAIT), -EAGAIN)
  assert.equal(calls.send(client, Buffer.from('hello'), calls.MSG_DONTWAIT), 5)
  assert.equal(await soon(() => calls.recv(server, bytes, calls.MSG_DONTWAIT | calls.MSG_PEEK)), 5)
  assert.equal(calls.recv(server, bytes, calls.MSG_DONTWAIT), 5)
  assert.equal(bytes.toString('utf8', 0, 5), 'hello')
  assert.equal(calls.shutdown(client, calls.SHUT_WR), 0)
  assert.equal(await soon(() => calls.recv(server, bytes, calls.MSG_DONTWAIT)), 0)
})

test('sending to a peer that is gone is an error, not a signal', needsAddon, t => {
  const [left] = pair(t)
  assert.equal(calls.shutdown(left, calls.SHUT_WR), 0)
  assert.equal(calls.send(left, Buffer.from('x'), calls.MSG_DONTWAIT), -EPIPE)
})

test('sendViews gathers in order, as many as the kernel takes, and raises no signal', needsAddon, t => {
  const [left, right] = pair(t)
  const views = [Buffer.from('ab'), new Uint8Array(0), Buffer.from('xcdx').subarray(1, 3)]
  assert.equal(calls.sendViews(left, views, calls.MSG_DONTWAIT), 4)
  const bytes = Buffer.alloc(10)
  assert.equal(calls.recv(right, bytes, calls.MSG_DONTWAIT), 4)
  assert.equal(bytes.toString('utf8', 0, 4), 'abcd')
  const many = Array.from({ length: 1024 }, () => Buffer.from('z'))
  assert.equal(calls.sendViews(left, many, calls.MSG_DONTWAIT), 1024)
  assert.throws(() => calls.sendViews(left, [...many, Buffer.from('z')], calls.MSG_DONTWAIT), TypeError)
  assert.throws(() => calls.sendViews(left, ['text' as unknown as Uint8Array], 0), TypeError)
  assert.equal(calls.shutdown(left, calls.SHUT_WR), 0)
  assert.equal(calls.sendViews(left, views, calls.MSG_DONTWAIT), -EPIPE)
})

test('the completion of a zero-copy send comes through the error queue', needsAddon, async t => {
  const { client, server } = await connection(t)
  const completion = new Uint32Array(5)
  assert.equal(calls.receiveError(client, completion), -EAGAIN)
  assert.equal(calls.setsockoptInt(client, calls.SOL_SOCKET, calls.SO_ZEROCOPY, 1), 0)
  const bytes = new Uint8Array(4096)
  for (const _ of [0, 1])
    assert.equal(calls.send(client, bytes, calls.MSG_ZEROCOPY | calls.MSG_DONTWAIT), 4096)
  assert.ok((await soon(() => calls.recv(server, new Uint8Array(8192), calls.MSG_DONTWAIT))) > 0)
  assert.equal(await soon(() => calls.receiveError(client, completion)), 0)
  const [errno, origin, , first] = completion
  assert.deepEqual([errno, origin, first], [0, calls.SO_EE_ORIGIN_ZEROCOPY, 0])
})

test('options can be any bytes', needsAddon, async t => {
  const { client } = await connection(t)
  const value = new Uint8Array(new Int32Array([1]).buffer)
  assert.equal(calls.setsockoptBytes(client, calls.IPPROTO_TCP, calls.TCP_NODELAY, value), 0)
  assert.equal(calls.getsockoptInt(client, calls.IPPROTO_TCP, calls.TCP_NODELAY), 1)
  value.fill(0)
  assert.equal(calls.getsockoptBytes(client, calls.IPPROTO_TCP, calls.TCP_NODELAY, value), 4)
  assert.equal(new Int32Array(value.buffer)[0], 1)
  assert.equal(calls.setsockoptBytes(client, calls.IPPROTO_TCP, 9999, value), -ENOPROTOOPT)
})

test('a received page is mapped only where the socket was', needsAddon, async t => {
  const { server } = await connection(t)
  const elsewhere = new Uint8Array(2 * calls.PAGE_BYTES)
  assert.equal(calls.tcpZerocopyReceive(server, elsewhere, new Uint32Array(2)), -EINVAL)
})

test('arguments of the wrong kind are refused', needsAddon, t => {
  const [left] = pair(t)
  assert.throws(() => calls.bindIpv4(left, loopback, 65536), TypeError)
  assert.throws(() => calls.socketpair(calls.AF_UNIX, calls.SOCK_STREAM, new Int32Array(1)), TypeError)
  assert.throws(() => calls.receiveError(left, new Uint32Array(4)), TypeError)
  assert.throws(() => calls.send(left, 'text' as unknown as Uint8Array, 0), TypeError)
})

async function connection(t: TestContext): Promise<{ client: number; server: number }> {
  const type = calls.SOCK_STREAM | calls.SOCK_NONBLOCK | calls.SOCK_CLOEXEC
  const listener = owned(t, calls.socket(calls.AF_INET, type, 0))
  assert.equal(calls.bindIpv4(listener, loopback, 0), 0)
  assert.equal(calls.listen(listener, 1), 0)
  const client = owned(t, calls.socket(calls.AF_INET, type, 0))
  assert.ok([0, -EINPROGRESS].includes(calls.connectIpv4(client, loopback, calls.localPort(listener))))
  const server = await soon(() => calls.accept4(listener, calls.SOCK_NONBLOCK | calls.SOCK_CLOEXEC))
  return { client, server: owned(t, server) }
}

/** A call's result, once it is not EAGAIN. */
async function soon(call: () => number): Promise<number> {
  for (;;) {
    const value = call()
    if (value !== -EAGAIN) return value
    await sleep(1)
  }
}
