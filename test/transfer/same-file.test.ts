import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSameFile } from '#sluice/transfer/ends/same-file.js'

const name = '"file.bin"'

test('ranges that do not overlap are allowed, up to the byte', () => {
  checkSameFile({ name, emptied: false, from: 0, to: 10, length: 10 })
  checkSameFile({ name, emptied: false, from: 10, to: 0, length: 10 })
  checkSameFile({ name, emptied: false, from: 5, to: 5, length: 0 })
})

test('what overlaps, or is emptied first, is refused with both ranges', () => {
  const wrong = (message: RegExp) => ({ code: 'ERR_SLUICE_OPTION', message })
  const over = { name, emptied: false, from: 0, to: 9, length: 10 }
  assert.throws(() => checkSameFile(over), wrong(/bytes 0 to 9, which are read, and 9 to 18 overlap/))
  assert.throws(() => checkSameFile({ ...over, from: 9, to: 0 }), wrong(/overlap/))
  assert.throws(() => checkSameFile({ ...over, emptied: true, length: 0 }), wrong(/emptied first/))
})
