/** What memory does without the addon; prints nothing where all is as it should be. */
import assert from 'node:assert/strict'
import { completeLease, kernelBytes, submitLease } from '#sluice/memory/lease.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'

const region = new Region({ bytes: 5000, hugePages: 'try' })
assert.deepEqual([region.fd, region.sendfileSource, region.hugePages], [null, false, false])
assert.match(region.fdMissing, /SLUICE_ADDON=off/)
assert.equal(region.hugePagesMissing, region.fdMissing)
const { bytes } = region
bytes[0] = 1
await region.close()
assert.equal(bytes.length, 0)
assert.throws(() => new Region({ bytes: 1, hugePages: 'require' }), { code: 'ERR_SLUICE_ADDON' })

const pool = new Pool({ slots: 1, slotBytes: 100, verify: true })
const lease = await pool.take()
const view = lease.bytes
view.fill(1)
submitLease(lease)
view.fill(2)
assert.equal(kernelBytes(lease)[0], 1, 'what is written in flight does not reach the kernel')
kernelBytes(lease)[0] = 3
completeLease(lease)
assert.deepEqual([view[0], view[1]], [3, 1])
lease.release()
assert.equal(view.length, 0)
assert.equal((await pool.take()).bytes[0], 0xdb)
await pool.close()
