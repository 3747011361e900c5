/** Mapped files by MSG_ZEROCOPY: windows, and what goes wrong with them. */
import assert from 'node:assert/strict'
import { closeSync, openSync, truncateSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { holdSocket, type SocketHold } from '#sluice/transfer/ends/socket-hold.js'
import { MappedFlow } from '#sluice/transfer/paths/mapped.js'
import { PathRefused } from '#sluice/transfer/paths/path-refused.js'
import { needsAddon } from '../../support/addon.js'
import { without } from '../../support/commands.js'
import { evict, randomFile, sha256 } from '../../support/contents.js'
import { eventually } from '../../support/eventually.js'
import { nativeWith } from '../../support/scripted-native.js'
import { type Ending, socketPair } from '../../support/sockets.js'
import { temporaryFolder } from '../../support/temporary.js'

const { EAGAIN, EACCES, EINVAL, EIO, ENODEV, ENOMEM, EPERM } = constants.errno
const length = 20 * MiB + 17

test('windows are mapped as they are needed, and every one is unmapped', needsAddon, async t => {
  const windows = counting()
  const { error, sentBytes, copied, received, bytes } = await send(t, windows.native, { start: 5 * KiB + 3 })
  assert.equal(error, null)
  assert.equal(sentBytes, length - 5 * KiB - 3)
  assert.equal(copied, sentBytes, 'on one machine the kernel copies')
  assert.equal(sha256(received), sha256(bytes.subarray(5 * KiB + 3)))
  assert.equal(windows.made, 5)
  assert.ok(windows.atOnce <= 4)
  assert.equal(windows.open, 0)
})

test(
  'a failure settles at once, and what the kernel still has is unmapped when it lets go',
  needsAddon,
  async t => {
    const windows = counting()
    const failure = new Error('enough')
    const { error, sentBytes, sink, peer } = await send(t, windows.native, {
      reading: false,
      whenBegun: flow => setTimeout(() => flow.interrupt(failure), 20),
    })
    assert.equal(error, failure)
    assert.ok(sentBytes > 0 && sentBytes < length)
    sink.end()
    assert.equal((await peer.take()).length, sentBytes)
    await eventually(
      () => windows.open === 0,
      () => `${windows.open} windows stay mapped`,
    )
  },
)

for (const cut of [12 * MiB, 12 * MiB + 100, 3]) {
  test(`a file that is cut to ${cut} bytes fails it, and Node lives`, needsAddon, async t => {
    const windows = counting()
    let cutAt = -1
    const { error, sentBytes, received, bytes } = await send(t, windows.native, {
      onProgress: (sentBytes, path) => {
        if (cutAt < 0 && sentBytes >= Math.min(cut, 8 * MiB)) {
          truncateSync(path, cut)
          cutAt = sentBytes
        }
      },
    })
    assert.equal((error as { code: string }).code, 'ERR_SLUICE_FILE_SHRANK')
    assert.equal(received.length, sentBytes)
    const whole = Math.min(cut, sentBytes)
    assert.equal(sha256(received.subarray(0, whole)), sha256(bytes.subarray(0, whole)))
    await eventually(
      () => windows.open === 0,
      () => 'windows stay mapped',
    )
  })
}

test(
  'where a file cannot be mapped at the first window it is a refusal, later a failure',
  needsAddon,
  async t => {
    for (const errno of [EINVAL, EPERM, ENODEV]) {
      const { error, sentBytes } = await send(t, nativeWith({ mapPrivate: () => -errno }))
      assert.ok(error instanceof PathRefused)
      assert.match(error.message, /^mmap is refused here \(E/)
      assert.equal(sentBytes, 0)
    }
    const failures = [
      [ENOMEM, 'ERR_SLUICE_MEMORY'],
      [EACCES, 'ERR_SLUICE_FILE'],
      [EINVAL, 'ERR_SLUICE_SYSCALL'],
    ] as const
    for (const [errno, code] of failures) {
      let calls = 0
      const mapPrivate: Native['mapPrivate'] = (fd, offset, bytes) =>
        calls++ === 0 ? native!.mapPrivate(fd, offset, bytes) : -errno
      const { error, sentBytes } = await send(t, nativeWith({ mapPrivate }))
      assert.equal((error as { code: string }).code, code)
      assert.equal(sentBytes, 4 * MiB)
    }
  },
)

test('what is not in memory is fetched by a thread first', {
  skip: needsAddon.skip || without('python3').skip,
}, async t => {
  const order: string[] = []
  const scripted = nativeWith({
    sendfileOffload(out, input, offset, count) {
      order.push(`fetch ${offset}`)
      return native!.sendfileOffload(out, input, offset, count)
    },
    mapPrivate(fd, offset, count) {
      order.push(`map ${offset}`)
      return native!.mapPrivate(fd, offset, count)
    },
  })
  const { error, received, bytes } = await send(t, scripted, { cold: true })
  assert.equal(error, null)
  assert.equal(sha256(received), sha256(bytes))
  assert.ok(order.indexOf('fetch 0') === 0 && order.indexOf('map 0') === 1, order.join(', '))
})

test('a thread that fails, or may not, ends it', needsAddon, async t => {
  const refused = nativeWith({ preadNoWait: () => -EAGAIN, sendfileOffload: async () => -EPERM })
  assert.ok((await send(t, refused)).error instanceof PathRefused)
  const broken = nativeWith({ preadNoWait: () => -EAGAIN, sendfileOffload: async () => -EIO })
  assert.equal(((await send(t, broken)).error as { code: string }).code, 'ERR_SLUICE_FILE')
})

/** The addon, counting mappings. */
function counting() {
  const counts = { made: 0, open: 0, atOnce: 0 }
  const scripted = nativeWith({
    mapPrivate(fd, offset, bytes) {
      counts.made++
      counts.atOnce = Math.max(counts.atOnce, ++counts.open)
      return native!.mapPrivate(fd, offset, bytes)
    },
    unmap(buffer) {
      counts.open--
      return native!.unmap(buffer)
    },
  })
  return Object.assign(counts, { native: scripted })
}

interface SendOptions {
  start?: number
  cold?: boolean
  reading?: boolean
  onProgress?: (sentBytes: number, path: string) => void
  whenBegun?: (flow: MappedFlow) => void
}

async function send(
  t: Ending,
  scripted: Native,
  { start = 0, cold = false, reading = true, onProgress, whenBegun }: SendOptions = {},
) {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  if (cold) evict(path)
  const { socket: sink, peer } = await socketPair(t, { reading })
  const fd = openSync(path, 'r')
  t.after(() => closeSync(fd))
  const hold = (await holdSocket(sink)) as SocketHold
  const range = { fd, start, length: length - start }
  const engine = new PollEngine(scripted)
  const report = (sentBytes: number): void => onProgress?.(sentBytes, path)
  const sending = { native: scripted, engine, hold, range, prefix: null, onProgress: report }
  const done = await new Promise<{ error: unknown; sentBytes: number; copied: number }>(resolve => {
    const flow = new MappedFlow(sending, (error, sentBytes, copied) => resolve({ error, sentBytes, copied }))
    flow.begin()
    whenBegun?.(flow)
  })
  hold.release()
  const received = reading ? await peer.take(done.sentBytes) : Buffer.alloc(0)
  return { ...done, sink, peer, received, bytes, path }
}
