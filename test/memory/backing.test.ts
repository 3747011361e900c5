import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkAvailable, regionBytesMax, roundUp } from '#sluice/memory/backing.js'
import { Region } from '#sluice/memory/region.js'

test('more memory than there is available is refused before the kernel would end the process', () => {
  checkAvailable(1000, 1000)
  assert.throws(() => checkAvailable(1001, 1000), {
    code: 'ERR_SLUICE_MEMORY',
    message: /1001 bytes.*1000 bytes/,
  })
})

test('the largest region that an ArrayBuffer could hold is made or refused, never attempted in vain', () => {
  assert.throws(() => new Region({ bytes: regionBytesMax + 1 }), { code: 'ERR_SLUICE_OPTION' })
  // Node 20 could make this one; on later versions no machine has so much.
  if (regionBytesMax < 2 ** 40) return
  assert.throws(() => new Region({ bytes: regionBytesMax }), { code: 'ERR_SLUICE_MEMORY' })
})

test('sizes are rounded up to whole pages', () => {
  assert.deepEqual(
    [1, 4095, 4096, 4097, 2 ** 40 + 1].map(bytes => roundUp(bytes, 4096)),
    [4096, 4096, 4096, 8192, 2 ** 40 + 4096],
  )
})
