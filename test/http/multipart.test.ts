import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frameRanges } from '#sluice/http/multipart.js'

test('the frame is what the announced length says, and the parts can be told apart', () => {
  const ranges = [
    { start: 0, end: 4 },
    { start: 10, end: 10 },
  ]
  const { contentType, contentLength, heads, trailer } = frameRanges(ranges, 20, 'text/x; charset=utf-8')
  const boundary = /^multipart\/byteranges; boundary=([0-9a-f]{36})$/.exec(contentType)?.[1]
  const text = `${heads[0]}01234${heads[1]}a${trailer}`
  assert.equal(
    text,
    [
      `--${boundary}`,
      'Content-Type: text/x; charset=utf-8',
      'Content-Range: bytes 0-4/20',
      '',
      '01234',
      `--${boundary}`,
      'Content-Type: text/x; charset=utf-8',
      'Content-Range: bytes 10-10/20',
      '',
      'a',
      `--${boundary}--`,
      '',
    ].join('\r\n'),
  )
  assert.equal(contentLength, text.length)
})

test('every response has a boundary of its own', () => {
  const frame = () => frameRanges([{ start: 0, end: 0 }], 1, 'a/b').contentType
  assert.notEqual(frame(), frame())
})
