import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { type FileRangeOptions, file, type SinkTarget, socket } from '#sluice/transfer/ends/endpoints.js'

const wrongOption = { code: 'ERR_SLUICE_OPTION' }

test('a file is what names one, with a range of whole numbers in order', () => {
  assert.deepEqual(file('name'), { kind: 'file', from: 'name' })
  assert.deepEqual(file(0, { start: 3, end: 3 }), { kind: 'file', from: 0, start: 3, end: 3 })
  for (const from of [-1, 1.5, Number.NaN, null, undefined, {}, [], true, new PassThrough()]) {
    assert.throws(() => file(from as string), wrongOption, String(from))
  }
  const ranges = [
    { start: -1 },
    { start: 1.5 },
    { start: '1' },
    { end: -1 },
    { start: 2, end: 1 },
    { end: 2 ** 53 },
    { start: null },
  ]
  for (const range of ranges) {
    assert.throws(() => file('name', range as FileRangeOptions), wrongOption, JSON.stringify(range))
  }
})

test('a socket is a writable stream or a descriptor', () => {
  const stream = new PassThrough()
  assert.equal(socket(stream).to, stream)
  assert.equal(socket(5).to, 5)
  for (const to of [-1, 0.5, 'socket', null, undefined, {}, { write() {} }, Readable.from([])]) {
    assert.throws(() => socket(to as SinkTarget), wrongOption, String(to))
  }
})
