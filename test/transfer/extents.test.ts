import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { nextData } from '#sluice/transfer/extents.js'
import { needsAddon } from '../support/addon.js'
import { sparseFile } from '../support/contents.js'
import { nativeWith } from '../support/scripted-native.js'
import { temporaryFolder } from '../support/temporary.js'

test('data is found behind holes, and none where the file ends in one', needsAddon, async t => {
  const marks = [{ at: 1 * MiB, text: 'mark' }]
  const fd = openSync(sparseFile(temporaryFolder(t), 'sparse.bin', 3 * MiB, marks), 'r')
  t.after(() => closeSync(fd))
  const native = nativeWith({})
  const extent = await nextData(native, fd, 0)
  assert.ok(extent !== null && extent.start <= 1 * MiB && extent.end >= 1 * MiB + 4)
  assert.ok(extent.start > 0 && extent.end < 3 * MiB)
  assert.equal(await nextData(native, fd, extent.end), null)
})

test('a file system that does not tell has data everywhere', async () => {
  const native = nativeWith({ SEEK_DATA: 3, lseekOffload: async () => -constants.errno.EINVAL })
  assert.deepEqual(await nextData(native, 0, 5), { start: 5, end: Number.POSITIVE_INFINITY })
})
