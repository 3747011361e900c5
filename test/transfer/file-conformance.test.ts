/** The same bytes are in the file afterwards, whatever the path. */
import assert from 'node:assert/strict'
import { openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { GiB, KiB, MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { file } from '#sluice/transfer/ends/endpoints.js'
import { filePathNames } from '#sluice/transfer/plan/plan-files.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { randomFile, sha256, sparseFile } from '../support/contents.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { temporaryFolder } from '../support/temporary.js'
import { filePathTaken, largeBytes, largeFile } from './files.js'

const page = 4 * KiB
const lengths = [0, 1, page - 1, page, page + 1, 1 * MiB, 3 * MiB + 17]

/** First and last byte of the source, first of the sink. */
const ranges = [
  { start: 0, end: 0, to: 0 },
  { start: page, end: 3 * page - 1, to: page },
  { start: page, end: 2 * MiB - 1, to: 0 },
  { start: 0, end: page, to: 1 },
  { start: page - 1, end: page, to: 5 * page },
  { start: 5, end: 1 * MiB + 6, to: 2 * MiB + 1 },
  { start: 2 * MiB, end: undefined, to: 7 },
]

for (const prefer of filePathNames) {
  test(`${prefer}: whole files of every length, and no descriptor stays open`, async t => {
    const folder = temporaryFolder(t)
    const to = join(folder, 'sink.bin')
    const path = filePathTaken(folder, prefer)
    const before = openDescriptors()
    for (const length of [...lengths].reverse()) {
      const { path: from, bytes } = randomFile(folder, `${length}.bin`, length)
      const result = await transfer(file(from), file(to), { prefer })
      assert.equal(sha256(readFileSync(to)), sha256(bytes), `${length} bytes`)
      assert.equal(result.bytes, length)
      assert.equal(result.copied, path === 'copy' ? length : 0)
      // Of nothing nothing is refused.
      if (length > 0) assert.equal(result.path, path)
      assert.ok(result.ms >= 0)
    }
    await descriptorsBackTo(before)
  })

  test(`${prefer}: ranges, written in place; what lies around them stays`, async t => {
    const folder = temporaryFolder(t)
    const { path: from, bytes } = randomFile(folder, 'source.bin', 2 * MiB)
    const sink = randomFile(folder, 'sink.bin', 4 * MiB)
    for (const { start, end, to } of ranges) {
      const range = { start, ...(end !== undefined && { end }) }
      const result = await transfer(file(from, range), file(sink.path, { start: to, flags: 'r+' }), {
        prefer,
      })
      bytes.copy(sink.bytes, to, start, (end ?? bytes.length - 1) + 1)
      assert.equal(sha256(readFileSync(sink.path)), sha256(sink.bytes), JSON.stringify({ start, end, to }))
      assert.equal(result.bytes, (end ?? bytes.length - 1) + 1 - start)
    }
  })

  test(`${prefer}: several pieces, and progress up to the last byte`, async t => {
    const folder = temporaryFolder(t)
    const { path: from, bytes } = largeFile(folder)
    const to = join(folder, 'sink.bin')
    const seen: number[] = []
    await transfer(file(from), file(to), { prefer, onProgress: sentBytes => seen.push(sentBytes) })
    assert.ok(readFileSync(to).equals(bytes))
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => a - b),
    )
    assert.equal(seen.at(-1), largeBytes)
  })

  test(`${prefer}: everything that names a file, which stays open and where it was`, async t => {
    const folder = temporaryFolder(t)
    const { path: from, bytes } = randomFile(folder, 'a file.bin', 300 * KiB)
    const to = join(folder, 'a sink.bin')
    const source = await open(from)
    const sink = await open(to, 'w+')
    t.after(() => Promise.all([source.close(), sink.close()]))
    await sink.write('some bytes')
    const names = [to, Buffer.from(to), pathToFileURL(to), sink, sink.fd]
    for (const name of names) {
      for (const what of [from, source]) {
        writeFileSync(to, '')
        const result = await transfer(file(what, { start: 7 }), file(name, { start: 2 }), { prefer })
        assert.equal(result.bytes, bytes.length - 7)
        assert.equal(sha256(readFileSync(to).subarray(2)), sha256(bytes.subarray(7)))
      }
    }
    assert.equal((await source.read(Buffer.alloc(8), 0, 8)).buffer.readUInt8(0), bytes[0])
    await sink.write('more')
    assert.equal(readFileSync(to).toString('latin1', 10, 14), 'more')
  })

  test(`${prefer}: holes of a file larger than 4 GiB stay holes`, needsAddon, async t => {
    const folder = temporaryFolder(t)
    const length = 4 * GiB + 1
    const marks = [
      { at: 1 * MiB, text: 'first' },
      { at: 0x7ffff000 - 2, text: 'across' },
      { at: 3 * GiB, text: 'third' },
    ]
    const from = sparseFile(folder, 'sparse.bin', length, marks)
    const to = join(folder, 'sink.bin')
    const result = await transfer(file(from), file(to), { prefer })
    assert.equal(result.bytes, length)
    assert.ok(result.copied < 1 * MiB)
    const { size, blocks } = statSync(to)
    assert.equal(size, length)
    assert.ok(blocks * 512 < 1 * MiB, `${blocks} blocks`)
    const fd = openSync(to, 'r')
    t.after(() => native!.close(fd))
    for (const { at, text } of marks) {
      const read = Buffer.alloc(text.length + 2)
      readSync(fd, read, 0, read.length, at - 1)
      assert.equal(read.toString(), `\0${text}\0`)
    }
  })
}

test('a hole is written as zeros where the sink has other bytes', async t => {
  const folder = temporaryFolder(t)
  const from = sparseFile(folder, 'sparse.bin', 2 * MiB, [{ at: 1 * MiB, text: 'mark' }])
  for (const prefer of filePathNames) {
    const sink = randomFile(folder, 'sink.bin', 3 * MiB)
    await transfer(file(from), file(sink.path, { flags: 'r+' }), { prefer })
    readFileSync(from).copy(sink.bytes)
    assert.ok(readFileSync(sink.path).equals(sink.bytes), prefer)
  }
})

test('appending writes holes as zeros', async t => {
  const folder = temporaryFolder(t)
  const from = sparseFile(folder, 'sparse.bin', 2 * MiB, [{ at: 1 * MiB, text: 'mark' }])
  const to = join(folder, 'sink.bin')
  await transfer(file(from), file(to, { flags: 'a' }))
  assert.ok(readFileSync(to).equals(readFileSync(from)))
})

test('one range of a file goes to another of the same file', async t => {
  const folder = temporaryFolder(t)
  for (const prefer of filePathNames) {
    const { path, bytes } = randomFile(folder, 'file.bin', 1 * MiB)
    await transfer(file(path, { end: 99_999 }), file(path, { start: 100_000, flags: 'r+' }), { prefer })
    bytes.copy(bytes, 100_000, 0, 100_000)
    assert.ok(readFileSync(path).equals(bytes), prefer)
    await transfer(file(path), file(path, { flags: 'a' }), { prefer })
    assert.ok(readFileSync(path).equals(Buffer.concat([bytes, bytes])), prefer)
  }
})
