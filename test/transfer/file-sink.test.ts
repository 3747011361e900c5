/** What may be written, how it is opened, and which path is left for it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  createReadStream,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { file } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { randomFile } from '../support/contents.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { temporaryFolder } from '../support/temporary.js'

test('a file is created with its mode, or emptied, also where nothing is written', async t => {
  const folder = temporaryFolder(t)
  const { path: from, bytes } = randomFile(folder, 'source.bin', 100)
  const to = join(folder, 'sink.bin')
  await transfer(file(from), file(to, { mode: 0o600 }))
  assert.equal(statSync(to).mode & 0o777, 0o600)
  await transfer(file(from, { start: 90 }), file(to, { start: 3 }))
  assert.ok(readFileSync(to).equals(Buffer.concat([Buffer.alloc(3), bytes.subarray(90)])))
  await transfer(file(from, { start: 100 }), file(to))
  assert.equal(statSync(to).size, 0)
})

test('nothing is created or emptied where the source is missing', async t => {
  const folder = temporaryFolder(t)
  const { path: to } = randomFile(folder, 'sink.bin', 10)
  await assert.rejects(transfer(file(join(folder, 'missing')), file(to)), { code: 'ERR_SLUICE_FILE' })
  assert.equal(statSync(to).size, 10)
})

test('appending is by copying, by name as by handle', async t => {
  const folder = temporaryFolder(t)
  const { path: from } = randomFile(folder, 'source.bin', 0)
  writeFileSync(from, 'new')
  const to = join(folder, 'sink.txt')
  writeFileSync(to, 'old ')
  const { path, why, copied } = await transfer(file(from), file(to, { flags: 'a' }))
  assert.deepEqual({ path, copied }, { path: 'copy', copied: 3 })
  if (native !== null) assert.match(why, /O_APPEND/)
  const handle = await open(to, 'a')
  t.after(() => handle.close())
  assert.equal((await transfer(file(from), file(handle))).path, 'copy')
  assert.equal(readFileSync(to, 'utf8'), 'old newnew')
})

test('a handle that appends has no byte to start at', needsAddon, async t => {
  const folder = temporaryFolder(t)
  const { path } = randomFile(folder, 'source.bin', 3)
  const handle = await open(join(folder, 'sink.bin'), 'a')
  t.after(() => handle.close())
  await assert.rejects(transfer(file(path), file(handle, { start: 0 })), { code: 'ERR_SLUICE_OPTION' })
})

test('a handle may be closed as soon as the transfer was asked for', needsAddon, async t => {
  const folder = temporaryFolder(t)
  const { path: from, bytes } = randomFile(folder, 'source.bin', 2000 * KiB)
  const source = await open(from)
  const result = transfer(file(source), file(join(folder, 'sink.bin')))
  await source.close()
  assert.equal((await result).bytes, bytes.length)
  assert.ok(readFileSync(join(folder, 'sink.bin')).equals(bytes))
})

test('files of procfs, FIFOs and devices are copied', async t => {
  const folder = temporaryFolder(t)
  const to = join(folder, 'sink.txt')
  const status = await transfer(file('/proc/self/status'), file(to))
  assert.equal(status.path, 'copy')
  assert.match(readFileSync(to, 'utf8'), /^Name:.*\nPid:.*\n$/s)

  assert.equal((await transfer(file('/dev/zero', { end: 300 * KiB - 1 }), file(to))).path, 'copy')
  assert.ok(readFileSync(to).equals(Buffer.alloc(300 * KiB)))
  assert.equal((await transfer(file(to), file('/dev/null'))).bytes, 300 * KiB)

  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  writeFileSync(to, 'through a FIFO '.repeat(20_000))
  // Open for both, which a FIFO grants at once.
  const both = openSync(fifo, 'r+')
  const received = text(createReadStream(fifo))
  const { path, why } = await transfer(file(to), file(fifo))
  assert.equal(path, 'copy')
  if (native !== null) assert.match(why, /regular files/)
  closeSync(both)
  assert.equal(await received, readFileSync(to, 'utf8'))
})

test('what cannot be written is an error that names it, and nothing stays open', async t => {
  const folder = temporaryFolder(t)
  const { path: from } = randomFile(folder, 'source.bin', 100)
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  mkdirSync(join(folder, 'folder'))
  const reading = await open(from)
  t.after(() => reading.close())
  const before = openDescriptors()
  const cases = [
    [file(join(folder, 'folder')), 'ERR_SLUICE_FILE', /folder.*EISDIR/],
    [file(join(folder, 'missing', 'file')), 'ERR_SLUICE_FILE', /ENOENT/],
    [file(join(folder, 'missing'), { flags: 'r+' }), 'ERR_SLUICE_FILE', /ENOENT/],
    [file(join(folder, 'with\0NUL')), 'ERR_SLUICE_FILE', /NUL/],
    [file(fifo), 'ERR_SLUICE_SYSCALL', /ENXIO.*FIFO/],
    [file('/dev/full'), 'ERR_SLUICE_SYSCALL', /ENOSPC/],
    [file('/dev/null', { start: 1 }), 'ERR_SLUICE_OPTION', /start/],
    [file(from), 'ERR_SLUICE_OPTION', /emptied first/],
    [file(from, { flags: 'r+', start: 99 }), 'ERR_SLUICE_OPTION', /overlap/],
    [file(join(folder, 'sink'), { end: 5 }), 'ERR_SLUICE_OPTION', /end/],
  ] as const
  for (const [to, code, message] of cases) {
    await assert.rejects(transfer(file(from), to), { code, message }, String(message))
  }
  const other = randomFile(folder, 'other.bin', 10)
  await assert.rejects(transfer(file(other.path), file(reading)), {
    code: 'ERR_SLUICE_SYSCALL',
    message: /EBADF/,
  })
  await descriptorsBackTo(before)
  assert.equal(statSync(from).size, 100)
})

test('a sealed file is not written', needsAddon, async t => {
  const { path } = randomFile(temporaryFolder(t), 'source.bin', 100)
  const { MFD_ALLOW_SEALING, MFD_CLOEXEC, F_SEAL_FUTURE_WRITE } = native!
  const fd = native!.memfdCreate('sealed', MFD_ALLOW_SEALING | MFD_CLOEXEC)
  t.after(() => native!.close(fd))
  native!.addSeals(fd, F_SEAL_FUTURE_WRITE)
  await assert.rejects(transfer(file(path), file(fd)), {
    code: 'ERR_SLUICE_SYSCALL',
    message: /EPERM.*sealed/,
  })
})

test('the options of a sink are not those of a source', async t => {
  const { path } = randomFile(temporaryFolder(t), 'file.bin', 1)
  const wrongOption = { code: 'ERR_SLUICE_OPTION' }
  assert.throws(() => file(path, { flags: 'w+' as 'w' }), wrongOption)
  assert.throws(() => file(path, { flags: 'a', start: 0 }), wrongOption)
  assert.throws(() => file(path, { mode: -1 }), wrongOption)
  assert.throws(() => file(1, { mode: 0o600 }), wrongOption)
  await assert.rejects(transfer(file(path, { flags: 'w' }), file('/dev/null')), wrongOption)
})
