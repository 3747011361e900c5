/** Whether a file's pages are in memory, by whatever the kernel offers to ask with. */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { isResident, noteResident, warm, wasResident } from '#sluice/transfer/residency.js'
import { needsAddon } from '../support/addon.js'
import { without } from '../support/commands.js'
import { evict, randomFile } from '../support/contents.js'
import { stopClock } from '../support/eventually.js'
import { nativeWith } from '../support/scripted-native.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const { EAGAIN, EIO, ENOSYS, EOPNOTSUPP, EPERM } = constants.errno
const length = 4 * MiB
const needsEviction = { skip: needsAddon.skip || without('python3').skip }

test(
  'a file that was just written is in memory, one that was dropped is not, and warming brings it back',
  needsEviction,
  async t => {
    const { path, fd } = source(t)
    assert.ok(isResident(native!, fd, 0, length))
    evict(path)
    assert.ok(!isResident(native!, fd, 0, length))
    assert.equal(await warm(native!, fd, 0, length), length)
    assert.ok(isResident(native!, fd, 0, length))
  },
)

test('a hole in the middle is found', needsEviction, async t => {
  const { path, fd } = source(t)
  evict(path)
  await warm(native!, fd, 0, 64 * KiB)
  await warm(native!, fd, length - 64 * KiB, 64 * KiB)
  assert.ok(isResident(native!, fd, 0, 64 * KiB))
  assert.ok(!isResident(native!, fd, 0, length))
})

test('any range counts the pages that it touches', needsAddon, t => {
  const { fd } = source(t)
  const page = native!.PAGE_BYTES
  for (const [offset, count] of [
    [0, 1],
    [page - 1, 2],
    [1, page],
    [length - 1, 1],
    [page * 3 + 5, page * 2 - 5],
  ] as const) {
    assert.ok(isResident(native!, fd, offset, count), `${count} bytes at ${offset}`)
    const asked: number[] = []
    const oneShort = nativeWith({
      cachestat(descriptor, from, bytes) {
        asked.push(native!.cachestat(descriptor, from, bytes))
        return asked[0]! - 1
      },
    })
    assert.ok(!isResident(oneShort, fd, offset, count), 'a page fewer is one that is missing')
  }
})

test(
  'a file that is not ours to ask cachestat about is asked at both ends, others are not affected',
  needsAddon,
  t => {
    const { fd } = source(t)
    const asked: number[] = []
    const refusing = (away: number): Native =>
      nativeWith({
        cachestat: () => -EPERM,
        preadNoWait(_fd, _bytes, offset) {
          asked.push(offset)
          return offset === away ? -EAGAIN : 1
        },
      })
    assert.ok(isResident(refusing(-1), fd, 4096, 8192))
    assert.deepEqual(asked, [4096 + 8192 - 1, 4096])
    assert.ok(!isResident(refusing(4096), fd, 4096, 8192))
    assert.ok(!isResident(refusing(4096 + 8192 - 1), fd, 4096, 8192))
    assert.ok(!isResident(nativeWith({ cachestat: () => 0 }), fd, 0, 4096), 'cachestat is still asked')
  },
)

test('a file system that knows neither call is taken to answer at once', needsAddon, t => {
  const { fd } = source(t)
  const knowing = nativeWith({ cachestat: () => -EOPNOTSUPP, preadNoWait: () => -EOPNOTSUPP })
  assert.ok(isResident(knowing, fd, 0, length))
})

test('a failure of the disk comes back as what it is', needsAddon, async t => {
  const { fd } = source(t)
  assert.equal(await warm(nativeWith({ sendfileOffload: async () => -EIO }), fd, 0, 1), -EIO)
})

test('what was seen in memory is remembered for a moment, file by file and range by range', t => {
  const pass = stopClock(t)
  const seen = { device: 1, inode: 4711 }
  noteResident(seen, 100, 200)
  assert.ok(wasResident(seen, 100, 200))
  assert.ok(wasResident(seen, 150, 160))
  assert.ok(!wasResident(seen, 99, 160))
  assert.ok(!wasResident(seen, 150, 201))
  assert.ok(!wasResident({ ...seen, device: 2 }, 100, 200))
  assert.ok(!wasResident({ ...seen, inode: 4712 }, 100, 200))
  pass(99)
  assert.ok(wasResident(seen, 100, 200))
  pass(1)
  assert.ok(!wasResident(seen, 100, 200))
})

test('a thousand others push the oldest out', t => {
  stopClock(t)
  const first = { device: 1, inode: 0 }
  noteResident(first, 0, 1)
  for (let inode = 1; inode <= 1024; inode++) noteResident({ device: 1, inode }, 0, 1)
  assert.ok(!wasResident(first, 0, 1))
  assert.ok(wasResident({ device: 1, inode: 1024 }, 0, 1))
})

// Last, because what a kernel does not have is not asked for again.
test('a kernel without cachestat is asked once', needsAddon, t => {
  const { fd } = source(t)
  let asked = 0
  const old = nativeWith({
    cachestat() {
      asked++
      return -ENOSYS
    },
  })
  for (let count = 0; count < 3; count++) assert.ok(isResident(old, fd, 0, length))
  assert.equal(asked, 1)
})

function source(t: Ending): { path: string; fd: number } {
  const { path } = randomFile(temporaryFolder(t), 'file.bin', length)
  const fd = openSync(path, 'r')
  t.after(() => closeSync(fd))
  return { path, fd }
}
