/** What sendmsg(2) and writev(2) may answer, and how a flow goes on or ends. */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { readSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { type ErrorCode, errnoName, type SluiceError } from '#sluice/base/errors.js'
import { KiB, MiB } from '#sluice/base/units.js'
import { defaultEngine } from '#sluice/engine/default.js'
import { native } from '#sluice/native/load.js'
import { holdSocket, type SocketHold } from '#sluice/transfer/ends/socket-hold.js'
import { PathRefused } from '#sluice/transfer/paths/path-refused.js'
import { WritevFlow } from '#sluice/transfer/paths/writev.js'
import { needsAddon } from '../../support/addon.js'
import { sha256 } from '../../support/contents.js'
import { eventually } from '../../support/eventually.js'
import { nativeWith } from '../../support/scripted-native.js'
import { type Ending, type Peer, socketPair } from '../../support/sockets.js'

const { errno } = constants

test('EAGAIN, EINTR and short sends at every byte: the rest follows', needsAddon, async t => {
  const views = [bytesOf(3), bytesOf(1), bytesOf(5), bytesOf(2)]
  let call = 0
  const scripted = nativeWith({
    sendViews: (fd, gathered, flags) => {
      call++
      if (call % 3 === 1) return -errno.EINTR
      if (call % 3 === 2) return native!.send(fd, gathered[0]!.subarray(0, 1), flags)
      return native!.sendViews(fd, gathered.slice(0, 1), flags)
    },
  })
  const { done, peer } = await run(t, scripted, views)
  assert.deepEqual(await done, { error: null, sentBytes: 11, copiedBytes: 11 })
  assert.deepEqual(await peer.take(11), Buffer.concat(views))
})

test('a socket that is full is waited for', needsAddon, async t => {
  let waits = 0
  const scripted = nativeWith({
    sendViews: (fd, gathered, flags) => {
      const sent = native!.sendViews(fd, gathered, flags)
      if (sent === -errno.EAGAIN) waits++
      return sent
    },
  })
  const views = [bytesOf(16 * MiB), bytesOf(17)]
  const seen: number[] = []
  const { done, peer } = await run(t, scripted, views, sentBytes => seen.push(sentBytes))
  await eventually(
    () => waits > 0,
    () => 'the socket did not fill',
  )
  const received = peer.take(16 * MiB + 17)
  const { error, sentBytes } = await done
  assert.equal(error, null)
  assert.equal(sentBytes, 16 * MiB + 17)
  assert.equal(seen.at(-1), sentBytes)
  assert.equal(sha256(await received), sha256(Buffer.concat(views)))
})

test('at most 1 MiB and 1024 pieces go in one call', needsAddon, async t => {
  const sizes: [number, number][] = []
  const scripted = nativeWith({
    sendViews: (fd, gathered, flags) => {
      sizes.push([gathered.length, gathered.reduce((sum, view) => sum + view.length, 0)])
      return native!.sendViews(fd, gathered, flags)
    },
  })
  const views = [...Array.from({ length: 1030 }, () => bytesOf(1)), bytesOf(3 * MiB)]
  const { done, peer } = await run(t, scripted, views)
  const received = peer.take(1030 + 3 * MiB)
  assert.equal((await done).error, null)
  assert.equal(sha256(await received), sha256(Buffer.concat(views)))
  assert.deepEqual(sizes[0], [1024, 1024])
  for (const [count, bytes] of sizes) assert.ok(count <= 1024 && bytes <= 1 * MiB)
})

test('what is no socket is written to by writev', needsAddon, async t => {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC | native!.O_NONBLOCK), 0)
  const [readFd, writeFd] = [...ends] as [number, number]
  t.after(() => ends.forEach(fd => void native!.close(fd)))
  const views = [bytesOf(3), bytesOf(4 * KiB)]
  const done = runOn(native!, plainHold(writeFd), views)
  assert.deepEqual(await done, { error: null, sentBytes: 4099, copiedBytes: 4099 })
  const read = Buffer.alloc(5000)
  assert.equal(native!.writev(-1, views), -errno.EBADF)
  assert.equal(readSync(readFd, read), 4099)
  assert.deepEqual(read.subarray(0, 4099), Buffer.concat(views))
})

const fatal: [keyof typeof errno, ErrorCode, RegExp][] = [
  ['EBADF', 'ERR_SLUICE_SYSCALL', /EBADF/],
  ['ECONNRESET', 'ERR_SLUICE_PEER_CLOSED', /peer/],
  ['EPIPE', 'ERR_SLUICE_PEER_CLOSED', /peer/],
  ['ETIMEDOUT', 'ERR_SLUICE_PEER_CLOSED', /peer/],
  ['EFAULT', 'ERR_SLUICE_SYSCALL', /not there any more/],
  ['ENOBUFS', 'ERR_SLUICE_MEMORY', /wmem_max/],
  ['ENOMEM', 'ERR_SLUICE_MEMORY', /tcp_mem/],
  ['EMSGSIZE', 'ERR_SLUICE_SYSCALL', /manual page/],
  ['ENOTCONN', 'ERR_SLUICE_SYSCALL', /manual page/],
  ['EDESTADDRREQ', 'ERR_SLUICE_SYSCALL', /manual page/],
  ['EIO', 'ERR_SLUICE_FILE', /./],
  ['ENOSPC', 'ERR_SLUICE_SYSCALL', /manual page/],
  ['EACCES', 'ERR_SLUICE_FILE', /permissions/],
]
for (const [name, code, remedy] of fatal) {
  test(`${name} ends it with ${code} and a remedy`, needsAddon, async t => {
    const { done } = await run(t, nativeWith({ sendViews: () => -errno[name] }), [bytesOf(5)])
    const { error, sentBytes, copiedBytes } = await done
    assert.equal((error as SluiceError).code, code)
    assert.equal((error as SluiceError).syscall, 'sendmsg')
    assert.equal((error as SluiceError).errno, -errno[name])
    assert.match((error as SluiceError).message, remedy)
    assert.equal(sentBytes, 0)
    assert.equal(copiedBytes, 0)
  })
}

for (const name of ['EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'EPERM'] as const) {
  test(`${name} at the first call is a refusal, and later an error`, needsAddon, async t => {
    const { done } = await run(t, nativeWith({ sendViews: () => -errno[name] }), [bytesOf(5)])
    const { error } = await done
    assert.ok(error instanceof PathRefused)
    assert.equal(error.message, `sendmsg is refused here (${errnoName(-errno[name])})`)
    let call = 0
    const later = nativeWith({ sendViews: () => (call++ === 0 ? 2 : -errno[name]) })
    const end = await (await run(t, later, [bytesOf(5)])).done
    assert.equal((end.error as SluiceError).errno, -errno[name])
    assert.equal(end.sentBytes, 2)
  })
}

test('bytes that were detached meanwhile end it, and nothing else is sent for them', needsAddon, async t => {
  const view = new Uint8Array(2 * MiB)
  const scripted = nativeWith({
    sendViews: (fd, gathered, flags) => native!.sendViews(fd, [gathered[0]!.subarray(0, 1)], flags),
  })
  const { done } = await run(t, scripted, [view], () => {
    structuredClone(view.buffer, { transfer: [view.buffer] })
  })
  const { error, sentBytes } = await done
  assert.equal((error as SluiceError).code, 'ERR_SLUICE_CLOSED')
  assert.match((error as SluiceError).message, /until the transfer has settled/)
  assert.equal(sentBytes, 1)
})

test('onProgress that throws ends it with what it threw', needsAddon, async t => {
  const thrown = new Error('no more')
  const { done } = await run(t, native!, [bytesOf(2 * MiB)], () => {
    throw thrown
  })
  const { error, sentBytes } = await done
  assert.equal(error, thrown)
  assert.ok(sentBytes > 0 && sentBytes <= 1 * MiB)
})

test('a socket that was ended on this side takes no more', needsAddon, async t => {
  const { socket } = await socketPair(t)
  const hold = await holdSocket(socket)
  socket.end()
  const { error } = await runOn(native!, hold, [bytesOf(3)])
  assert.equal((error as SluiceError).code, 'ERR_SLUICE_SOCKET_CLOSED')
})

interface Done {
  error: unknown
  sentBytes: number
  copiedBytes: number
}

async function run(
  t: Ending,
  calls: NonNullable<typeof native>,
  views: readonly Uint8Array[],
  onProgress?: (sentBytes: number) => void,
): Promise<{ done: Promise<Done>; peer: Peer }> {
  const { socket, peer } = await socketPair(t, { reading: false })
  return { done: runOn(calls, await holdSocket(socket), views, onProgress), peer }
}

function runOn(
  calls: NonNullable<typeof native>,
  hold: SocketHold,
  views: readonly Uint8Array[],
  onProgress?: (sentBytes: number) => void,
): Promise<Done> {
  return new Promise(resolve => {
    const end: Done = { error: null, sentBytes: 0, copiedBytes: 0 }
    const flow = new WritevFlow(calls, defaultEngine()!, hold, { views }, onProgress, {
      sent: (error, sentBytes) => {
        hold.release()
        Object.assign(end, { error, sentBytes })
      },
      released: copiedBytes => resolve(Object.assign(end, { copiedBytes })),
    })
    flow.begin()
  })
}

function plainHold(fd: number): SocketHold {
  return {
    fd,
    open: true,
    ended: false,
    whyClosed: () => assert.fail('it is not closed'),
    onClose() {},
    touch() {},
    release() {},
  }
}

function bytesOf(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length))
}
