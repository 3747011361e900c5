/** Under a limit on the size of files: opens regions that are larger than that, and one that is not. */
import assert from 'node:assert/strict'
import { KiB, MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { descriptors } from '../support.js'

const error = {
  code: 'ERR_SLUICE_MEMORY',
  syscall: 'ftruncate',
  message: /1048576 bytes: ftruncate failed with EFBIG\. .*`ulimit -f`/,
}
assert.throws(() => new Region({ bytes: 1 * MiB }), error)
assert.throws(() => new Pool({ slots: 16, slotBytes: 64 * KiB }), error)
assert.equal(descriptors('sluice'), 0)
await new Region({ bytes: 64 * KiB }).close()
