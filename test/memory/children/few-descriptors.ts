/** Opens regions until descriptors run out, closes them, and opens one again. */
import assert from 'node:assert/strict'
import { Region } from '#sluice/memory/region.js'

const regions: Region[] = []
assert.throws(
  () => {
    for (;;) regions.push(new Region({ bytes: 4096 }))
  },
  { code: 'ERR_SLUICE_DESCRIPTORS', syscall: 'memfd_create' },
)
assert.ok(regions.length > 0)
await Promise.all(regions.map(region => region.close()))
await new Region({ bytes: 4096 }).close()
