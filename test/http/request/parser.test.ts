import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SluiceError } from '#sluice/base/errors.js'
import { MiB } from '#sluice/base/units.js'
import {
  ACCEPT_ENCODING,
  CONNECTION,
  HOST,
  IF_MATCH,
  IF_NONE_MATCH,
  RANGE,
  USER_AGENT,
} from '#sluice/http/request/field.js'
import type { RequestLimits } from '#sluice/http/request/limits.js'
import { INCOMPLETE, REFUSED, RequestParser } from '#sluice/http/request/parser.js'
import { acceptedHeads } from './accepted-heads.js'
import { readPieces } from './our-reading.js'
import { refusedHeads } from './refused-heads.js'

const plain = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

for (const { what, text, ...expected } of acceptedHeads) {
  test(`accepted: ${what}`, () => {
    const { requests, refusal } = read(text)
    assert.equal(refusal, null)
    assert.equal(requests.length, 1)
    const { method, target, minor, keepAlive, headers } = requests[0]!
    assert.deepEqual({ method, target, minor, keepAlive, headers }, expected)
  })
}

for (const { what, text, status, reason } of refusedHeads) {
  test(`refused with ${status}: ${what}`, () => {
    const { requests, refusal } = read(text)
    assert.equal(requests.length, 0)
    assert.equal(refusal?.status, status)
    assert.match(refusal.reason, reason)
  })
}

test('wherever a head is cut in two, what comes of it is the same', () => {
  for (const { text } of [...acceptedHeads, ...refusedHeads]) {
    const bytes = Buffer.from(text, 'latin1')
    const whole = readPieces([bytes])
    // The long ones, which are there for the limits, are cut at a few hundred places.
    const step = 1 + Math.floor(bytes.length / 500)
    for (let at = 1; at < bytes.length; at += step) {
      const cut = readPieces([bytes.subarray(0, at), bytes.subarray(at)])
      assert.deepEqual(cut, whole, `${JSON.stringify(text)} cut at ${at}`)
    }
  }
})

test('a head that comes byte by byte is read as one that comes at once', () => {
  for (const { text } of [...acceptedHeads, ...refusedHeads]) {
    if (text.length > 1000) continue
    const bytes = Buffer.from(text, 'latin1')
    const single = Array.from(bytes, byte => Uint8Array.of(byte))
    assert.deepEqual(readPieces(single), readPieces([bytes]))
  }
})

test('no head is complete before its last byte', () => {
  for (const { text } of acceptedHeads) {
    const bytes = Buffer.from(text, 'latin1')
    const parser = new RequestParser()
    for (let end = 0; end < bytes.length; end++) assert.equal(parser.parse(bytes, 0, end), INCOMPLETE)
    assert.equal(parser.parse(bytes, 0, bytes.length), bytes.length)
  }
})

test('heads that follow one another in a buffer are read one by one, and none has what another had', () => {
  const heads = [
    'GET /1 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nConnection: keep-alive\r\n\r\n',
    '\r\nHEAD http://b/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
    'OPTIONS /3 HTTP/1.1\r\nHost: c\r\nIf-Match: "a"\r\nIf-Match: "b"\r\n\r\n',
    'POST /4 HTTP/1.0\r\nContent-Length: 3\r\n\r\n',
    'GET /5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    'GET /6 HTTP/1.0\r\n\r\n',
  ]
  const bytes = Buffer.from(heads.join(''), 'latin1')
  const parser = new RequestParser()
  const { head } = parser
  const seen = []
  for (let at = 0; at < bytes.length; at += head.length) {
    assert.equal(parser.parse(bytes, at, bytes.length), heads[seen.length]!.length)
    seen.push([head.methodName(), head.target(), head.keepAlive, head.contentLength, head.header(HOST)])
    assert.equal(head.has(RANGE), seen.length === 1)
    assert.equal(head.repeated, seen.length === 3 ? 1 << IF_MATCH : 0)
    assert.equal(head.header(IF_MATCH), seen.length === 3 ? '"a", "b"' : undefined)
  }
  assert.deepEqual(seen, [
    ['GET', '/1', true, 0, 'a'],
    ['HEAD', 'http://b/2', true, 0, 'b'],
    ['OPTIONS', '/3', true, 0, 'c'],
    ['POST', '/4', false, 3, undefined],
    ['GET', '/5', true, 0, undefined],
    ['GET', '/6', false, 0, undefined],
  ])
})

test('places of fields count from the head, wherever it lies', () => {
  const text = 'GET /a HTTP/1.1\r\nHost: a\r\nRange:\t bytes=0-1 \t\r\n\r\n'
  for (let start = 0; start < 9; start++) {
    const bytes = Buffer.from(' '.repeat(start) + text)
    const parser = new RequestParser()
    assert.equal(parser.parse(bytes, start, bytes.length), text.length)
    const { head } = parser
    assert.equal(head.ranges[2 * RANGE], text.indexOf('bytes'))
    assert.equal(head.ranges[2 * RANGE + 1], 'bytes=0-1'.length)
    assert.equal(head.targetOffset, 4)
    assert.equal(head.targetLength, 2)
  }
})

test('a value of any length, with any byte of any value in any place, is refused where that byte is not allowed', () => {
  for (let length = 1; length < 14; length++) {
    for (let place = 0; place < length; place++) {
      for (let byte = 0; byte < 256; byte++) {
        const value = 'v'.repeat(place) + String.fromCharCode(byte) + 'v'.repeat(length - place - 1)
        const { requests } = read(`GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: ${value}\r\n\r\n`)
        const allowed = byte === 9 || (byte >= 32 && byte !== 127)
        assert.equal(requests.length, allowed ? 1 : 0, `byte ${byte} at ${place} of ${length}`)
        const spaces = /^[ \t]+|[ \t]+$/g
        if (allowed) assert.equal(requests[0]!.headers['user-agent'], value.replace(spaces, ''))
      }
    }
  }
})

test('a name with a byte that no token has is refused', () => {
  const token = /[!#$%&'*+\-.^_`|~\w]/
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte)
    const { requests } = read(`GET / HTTP/1.1\r\nHost: a\r\nX${character}y: z\r\n\r\n`)
    // A colon ends the name.
    assert.equal(requests.length, token.test(character) || character === ':' ? 1 : 0, `byte ${byte}`)
  }
})

test('lines of a list are joined, and a value has no space around it', () => {
  const lines = [
    'If-None-Match: "a"',
    'IF-NONE-MATCH:\t"b" ',
    'Accept-Encoding:',
    'accept-encoding: br',
    'X: y',
  ]
  const { requests } = read(`GET / HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}\r\n\r\n`)
  const { headers } = requests[0]!
  assert.equal(headers['if-none-match'], '"a", "b"')
  assert.equal(headers['accept-encoding'], ', br')
})

test('a string of a head is asked for when it is needed, and bytes beyond ASCII are one character each', () => {
  const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: \xe9\xa0\r\n\r\n', 'latin1')
  const parser = new RequestParser()
  parser.parse(bytes, 0, bytes.length)
  assert.equal(parser.head.header(USER_AGENT), '\xe9\xa0')
  for (const field of [CONNECTION, IF_NONE_MATCH, ACCEPT_ENCODING]) {
    assert.equal(parser.head.header(field), undefined)
  }
})

test('a refused connection stays refused until the parser is reset', () => {
  const parser = new RequestParser()
  const bad = Buffer.from('GET / HTTP/1.1\n')
  const good = Buffer.from(plain)
  assert.equal(parser.parse(bad, 0, bad.length), REFUSED)
  assert.equal(parser.parse(good, 0, good.length), REFUSED)
  assert.equal(parser.refusal?.status, 400)
  parser.reset()
  assert.equal(parser.refusal, null)
  assert.equal(parser.parse(good, 0, good.length), good.length)
})

test('a parser knows whether it is within a head', () => {
  const parser = new RequestParser()
  const bytes = Buffer.from(plain + plain)
  assert.equal(parser.inHead, false)
  parser.parse(bytes, 0, 5)
  assert.equal(parser.inHead, true)
  parser.parse(bytes, 0, bytes.length)
  assert.equal(parser.inHead, false)
  parser.parse(bytes, plain.length, plain.length)
  assert.equal(parser.inHead, false)
  parser.parse(bytes, plain.length, plain.length + 20)
  assert.equal(parser.inHead, true)
  parser.reset()
  assert.equal(parser.inHead, false)
})

test('heads are accepted up to their limits, and refused one beyond', () => {
  const target = (length: number) => `GET /${'a'.repeat(length - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`
  assert.equal(statusOf(target(100), { targetBytesMax: 100 }), 200)
  assert.equal(statusOf(target(101), { targetBytesMax: 100 }), 414)
  assert.equal(statusOf(target(8192)), 200)
  assert.equal(statusOf(target(8193)), 414)

  const fields = (count: number) => `${plain.slice(0, -2)}${'X: y\r\n'.repeat(count - 1)}\r\n`
  assert.equal(statusOf(fields(5), { fieldsMax: 5 }), 200)
  assert.equal(statusOf(fields(6), { fieldsMax: 5 }), 431)
  assert.equal(statusOf(fields(100)), 200)
  assert.equal(statusOf(fields(101)), 431)

  const sized = (length: number) => `${plain.slice(0, -2)}X: ${'y'.repeat(length - plain.length - 5)}\r\n\r\n`
  assert.equal(sized(200).length, 200)
  assert.equal(statusOf(sized(200), { headBytesMax: 200 }), 200)
  assert.equal(statusOf(sized(201), { headBytesMax: 200 }), 431)
  assert.equal(statusOf(sized(16384)), 200)
  assert.equal(statusOf(sized(16385)), 431)
  // Without its end it is refused as well: nobody waits for more than is allowed.
  assert.equal(statusOf(sized(500).slice(0, 200), { headBytesMax: 200 }), 431)
  assert.equal(statusOf(target(500).slice(0, 200), { headBytesMax: 200 }), 414)
})

test('what is limited is counted anew in every head', () => {
  const bytes = Buffer.from(`\r\n${plain}`.repeat(500))
  assert.equal(readPieces([bytes]).requests.length, 500)
})

test('a head of the greatest length that comes byte by byte is read in next to no time', () => {
  const length = MiB - 100
  const limits = { headBytesMax: MiB, targetBytesMax: MiB }
  for (const text of [
    `GET /${'a'.repeat(length)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: ${' '.repeat(length)}a\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\n${'a'.repeat(length)}: a\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: ${' ,'.repeat(length / 2)}\r\n\r\n`,
  ]) {
    const bytes = Buffer.from(text)
    const parser = new RequestParser(limits)
    // Bytes that are looked at again would be 2^39 steps: this test would not end.
    for (let end = 1; end < bytes.length; end++) assert.equal(parser.parse(bytes, 0, end), INCOMPLETE)
    assert.equal(parser.parse(bytes, 0, bytes.length), bytes.length)
  }
})

test('limits that are no limits are refused', () => {
  for (const limits of [{ headBytesMax: 10 }, { fieldsMax: 0 }, { targetBytesMax: 1.5 }]) {
    assert.throws(
      () => new RequestParser(limits),
      (error: unknown) => error instanceof SluiceError && error.code === 'ERR_SLUICE_OPTION',
    )
  }
})

function read(text: string) {
  return readPieces([Buffer.from(text, 'latin1')])
}

/** The status of a refusal; 200 where the head is accepted. */
function statusOf(text: string, limits: RequestLimits = {}): number | undefined {
  const { requests, refusal } = readPieces([Buffer.from(text, 'latin1')], new RequestParser(limits))
  return requests.length === 1 ? 200 : refusal?.status
}
