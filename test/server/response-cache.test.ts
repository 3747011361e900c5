/** What is remembered of answers, and for how long: by a clock that the test moves. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { Opened } from '#sluice/http/opened.js'
import type { RequestHead } from '#sluice/http/request/head.js'
import { RequestParser } from '#sluice/http/request/parser.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { hashOf, hashOfKey, isKey, keyOf } from '#sluice/server/answer-key.js'
import { Arena } from '#sluice/server/arena.js'
import { Clock } from '#sluice/server/clock.js'
import { headText } from '#sluice/server/head-text.js'
import { freshMs, ResponseCache, settledMs } from '#sluice/server/response-cache.js'
import { SharedFile } from '#sluice/server/shared-file.js'
import { folderOf } from '../http/support.js'
import { needsAddon } from '../support/addon.js'

interface Asked {
  bytes: Uint8Array
  head: RequestHead
}

function asked(target: string, ...fields: string[]): Asked {
  const bytes = Buffer.from([`GET ${target} HTTP/1.1`, 'Host: test', ...fields, '', ''].join('\r\n'))
  const parser = new RequestParser({})
  assert.equal(parser.parse(bytes, 0, bytes.length), bytes.length)
  return { bytes, head: parser.head }
}

const question = asked('/f.bin')
const etag = '"tag"'

function remembering(t: TestContext, body: Buffer) {
  const region = new Region({ bytes: MiB })
  const arena = new Arena(region)
  const clock = new Clock()
  const cache = new ResponseCache(native!, arena, clock, {
    answersMax: 4,
    filesMax: 4,
    fileBytesMax: 64 * KiB,
  })
  const path = join(folderOf(t, { 'f.bin': body }), 'f.bin')
  const file = Opened.from(native!.open(path, native!.O_RDONLY | native!.O_CLOEXEC), 'read')
  assert.ok(file instanceof Opened)
  const shared = new SharedFile(file)
  t.after(async () => {
    cache.clear()
    shared.leave()
    await region.close()
  })
  const head = headText(200, clock.dateText, ['ETag', etag])
  return {
    cache,
    clock,
    changedMs: file.ctimeSeconds * 1000 + file.ctimeNanoseconds / 1e6,
    keep: () => cache.keep(keyOf(question.bytes, question.head), head, etag, file, shared),
    find: ({ bytes, head }: Asked) => cache.find(bytes, head),
    bytesOf: ({ offset, length }: { offset: number; length: number }) =>
      Buffer.from(arena.bytes.subarray(offset, offset + length)).toString('latin1'),
  }
}

test('a small file is kept once its last change is over', needsAddon, t => {
  const { clock, changedMs, keep, find, bytesOf } = remembering(t, Buffer.from('body'))
  for (const ageMs of [0, settledMs - 1, -settledMs + 1]) {
    clock.nowMs = changedMs + ageMs
    keep()
    assert.equal(find(question), null, `kept ${ageMs} ms after the change`)
  }
  clock.nowMs = changedMs + settledMs
  keep()
  assert.match(bytesOf(find(question)!.stored), /^HTTP\/1\.1 200 OK\r\nDate: .*\r\n\r\nbody$/s)
})

test('of a larger file the head is kept at once, and the file stays open', needsAddon, t => {
  const { clock, changedMs, keep, find } = remembering(t, Buffer.alloc(65 * KiB))
  clock.nowMs = changedMs
  keep()
  const { file, bodyLength, headLength, stored } = find(question)!
  assert.deepEqual([file?.opened.fd === -1, bodyLength], [false, 65 * KiB])
  assert.equal(stored.length, headLength)
})

test('an answer counts until it is decided anew', needsAddon, t => {
  const { clock, changedMs, keep, find } = remembering(t, Buffer.from('body'))
  clock.nowMs = changedMs + 1000
  keep()
  const first = find(question)
  clock.nowMs += freshMs
  assert.equal(find(question), first)
  clock.nowMs += 1
  assert.equal(find(question), null)
  keep()
  assert.equal(find(question), first)
})

test('a 304 is kept for those who ask in the same words, and dated anew', needsAddon, t => {
  const { cache, clock, find, bytesOf } = remembering(t, Buffer.from('body'))
  const conditional = asked('/f.bin', `If-None-Match: ${etag}`)
  const text = headText(304, clock.dateText, ['ETag', etag])
  cache.keepHead(keyOf(conditional.bytes, conditional.head), 304, text, etag)
  const { status, stored, bodyLength, file } = find(conditional)!
  assert.deepEqual([status, bodyLength, file, bytesOf(stored)], [304, 0, null, text])
  for (const other of [
    question,
    asked('/f.bin', 'If-None-Match: "tog"'),
    asked('/f.bin', `If-None-Match: ${etag}, "b"`),
    asked('/f.bin', `If-None-Match: ${etag}`, 'Accept-Encoding: br'),
    asked('/f.bim', `If-None-Match: ${etag}`),
  ])
    assert.equal(find(other), null)
  clock.second++
  clock.date.set(Buffer.from('Thu, 01 Jan 2026 00:00:00 GMT'))
  const later = headText(304, 'Thu, 01 Jan 2026 00:00:00 GMT', ['ETag', etag])
  assert.equal(bytesOf(find(conditional)!.stored), later)
})

test('a question is found by its key, and by no other', () => {
  const questions = [
    asked('/a'),
    asked('/ab'),
    asked('/a', 'Accept-Encoding: b'),
    asked('/a', 'If-None-Match: b'),
    asked('/a', 'Accept-Encoding: b', 'If-None-Match: b'),
    asked('/a', 'If-None-Match: b', 'Accept-Encoding: bb'),
  ]
  const keys = questions.map(({ bytes, head }) => keyOf(bytes, head))
  questions.forEach(({ bytes, head }, at) => {
    assert.equal(hashOf(bytes, head), hashOfKey(keys[at]!))
    assert.deepEqual(
      keys.map(key => isKey(key, bytes, head)),
      keys.map((_, index) => index === at),
    )
  })
})
