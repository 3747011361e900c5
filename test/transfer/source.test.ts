/** Opening what is sent: what it may be, which bytes of it, and what is refused with which code. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, createWriteStream, openSync, symlinkSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { type FileRangeOptions, type FileSource, file, socket } from '#sluice/transfer/ends/endpoints.js'
import { openSource } from '#sluice/transfer/ends/source.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { run } from '../support/command.js'
import { randomFile } from '../support/contents.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { pause } from '../support/eventually.js'
import { underSeccomp } from '../support/seccomp.js'
import { type Ending, socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

test('a range is from start to end, both included, and the whole file by default', async t => {
  const { path } = randomFile(temporaryFolder(t), 'file.bin', 100)
  const rangeOf = async (options: FileRangeOptions) => {
    const source = await openSource(file(path, options))
    source.close()
    return { start: source.start, length: source.length }
  }
  assert.deepEqual(await rangeOf({}), { start: 0, length: 100 })
  assert.deepEqual(await rangeOf({ start: 10 }), { start: 10, length: 90 })
  assert.deepEqual(await rangeOf({ end: 9 }), { start: 0, length: 10 })
  assert.deepEqual(await rangeOf({ start: 99, end: 99 }), { start: 99, length: 1 })
  assert.deepEqual(await rangeOf({ start: 100 }), { start: 100, length: 0 })
})

test('bytes that the file does not have are refused, and nothing stays open', async t => {
  const { path } = randomFile(temporaryFolder(t), 'file.bin', 100)
  const empty = randomFile(temporaryFolder(t), 'empty.bin', 0)
  const before = openDescriptors()
  const outside = [file(path, { start: 101 }), file(path, { end: 100 }), file(empty.path, { end: 0 })]
  for (const from of outside) await assert.rejects(openSource(from), { code: 'ERR_SLUICE_RANGE' })
  await descriptorsBackTo(before)
})

test('what cannot be read is an error of its own kind that names it, and nothing stays open', async t => {
  const folder = temporaryFolder(t)
  const { path } = randomFile(folder, 'file.bin', 1)
  symlinkSync('loop', join(folder, 'loop'))
  const before = openDescriptors()
  const cases: [FileSource['from'], RegExp][] = [
    [join(folder, 'missing'), /missing.*ENOENT/],
    [Buffer.from(join(folder, 'missing')), /missing.*ENOENT/],
    [new URL(`file://${folder}/missing`), /missing.*ENOENT/],
    [join(path, 'below'), /ENOTDIR/],
    [folder, /EISDIR/],
    [join(folder, 'loop'), /ELOOP/],
    [join(folder, 'x'.repeat(5000)), /ENAMETOOLONG/],
    [join(folder, 'x'.repeat(300)), /ENAMETOOLONG/],
    ['', /ENOENT/],
    ['with\0NUL', /NUL/],
    [Buffer.from('with\0NUL'), /NUL/],
  ]
  for (const [from, message] of cases) {
    await assert.rejects(openSource(file(from)), { code: 'ERR_SLUICE_FILE', message }, String(from))
  }
  const elsewhere = file(new URL('http://127.0.0.1/file'))
  await assert.rejects(openSource(elsewhere), { code: 'ERR_SLUICE_OPTION', message: /127\.0\.0\.1/ })
  await descriptorsBackTo(before)
})

test('a file that is not ours to read is refused', async t => {
  const folder = temporaryFolder(t)
  const { path } = randomFile(folder, 'file.bin', 1)
  chmodSync(path, 0)
  const isRoot = process.geteuid!() === 0
  // Root may read everything, so root is somebody else for a moment.
  if (isRoot) process.seteuid!(65534)
  try {
    await assert.rejects(openSource(file(path)), { code: 'ERR_SLUICE_FILE', message: /EACCES/ })
  } finally {
    if (isRoot) process.seteuid!(0)
  }
})

test('a handle or descriptor that is closed already is refused', async t => {
  const { path } = randomFile(temporaryFolder(t), 'file.bin', 1)
  const handle = await open(path)
  const before = openDescriptors().length
  await handle.close()
  await assert.rejects(openSource(file(handle)), { code: 'ERR_SLUICE_CLOSED' })
  const fd = openSync(path, 'r')
  closeSync(fd)
  await assert.rejects(openSource(file(fd)), { code: 'ERR_SLUICE_SYSCALL', message: /EBADF/ })
  assert.equal(openDescriptors().length, before - 1)
})

test('a handle may be closed as soon as the transfer was asked for', async t => {
  const folder = temporaryFolder(t)
  const { path, bytes } = randomFile(folder, 'file.bin', 2000 * KiB)
  const other = randomFile(folder, 'other.bin', 2000 * KiB)
  const { socket: sink, peer } = await socketPair(t, { reading: false })
  const handle = await open(path)
  const sent = transfer(file(handle), socket(sink))
  await handle.close()
  // It takes the number that became free.
  const another = await open(other.path)
  t.after(() => another.close())
  assert.deepEqual(await peer.take(bytes.length), bytes)
  assert.equal((await sent).bytes, bytes.length)
})

test('a file of procfs is sent whole, though it says that it is empty', async t => {
  const { socket: sink, peer } = await socketPair(t)
  const result = await transfer(file('/proc/self/status'), socket(sink))
  assert.equal(result.path, 'copy')
  assert.match((await peer.take(result.bytes)).toString(), /^Name:.*\nPid:.*\n$/s)
})

test('a device is copied, as many bytes as the range says', async t => {
  const { socket: sink, peer } = await socketPair(t)
  const result = await transfer(file('/dev/zero', { end: 300 * KiB - 1 }), socket(sink))
  assert.equal(result.path, 'copy')
  assert.equal(result.bytes, 300 * KiB)
  assert.deepEqual(await peer.take(300 * KiB), Buffer.alloc(300 * KiB))
  assert.equal((await transfer(file('/dev/null'), socket(sink))).bytes, 0)
})

test('a FIFO is copied until its writers have closed it, also where they pause', async t => {
  const { name, writer } = fifo(t)
  const { socket: sink, peer } = await socketPair(t)
  const sent = transfer(file(name), socket(sink))
  for (const piece of ['first ', 'second ', 'third']) {
    writer.write(piece)
    await pause(20)
  }
  writer.end()
  const result = await sent
  assert.equal(result.path, 'copy')
  assert.equal((await peer.take(18)).toString(), 'first second third')
})

test('a transfer from a silent FIFO can be aborted', async t => {
  const { name } = fifo(t)
  const { socket: sink } = await socketPair(t)
  const before = openDescriptors()
  await assert.rejects(transfer(file(name), socket(sink), { deadlineMs: 20 }), {
    code: 'ERR_SLUICE_DEADLINE',
  })
  await descriptorsBackTo(before)
})

test(
  'so can one from a silent pipe, though its descriptor blocks; it does again afterwards',
  needsAddon,
  async t => {
    const ends = new Int32Array(2)
    native!.pipe2(ends, native!.O_CLOEXEC)
    const [reading, writing] = [ends[0]!, ends[1]!]
    const { socket: sink } = await socketPair(t)
    const sent = transfer(file(reading), socket(sink), { deadlineMs: 20 })
    await assert.rejects(sent, { code: 'ERR_SLUICE_DEADLINE' })
    assert.equal(native!.setNonBlocking(reading, 1), 1)
    closeSync(reading)
    closeSync(writing)
  },
)

test('what has no positions cannot be started in the middle', async t => {
  const { name } = fifo(t)
  await assert.rejects(openSource(file(name, { start: 1 })), { code: 'ERR_SLUICE_RANGE', message: /start/ })
  await assert.rejects(openSource(file('/dev/zero', { start: 1, end: 2 })), { code: 'ERR_SLUICE_RANGE' })
})

for (const refused of [[], ['openat2']]) {
  const where = refused.length > 0 ? 'where openat2 is refused' : 'where openat2 works'
  test(`${where}, the end of a worker that sent a file closes nothing of others`, async t => {
    const program = fileURLToPath(new URL('./children/sending-worker.js', import.meta.url))
    const launcher = refused.length > 0 ? underSeccomp(t, { action: 'EPERM', calls: refused }) : []
    const { stdout, stderr } = await run(process.execPath, [program], { launcher }).finished()
    assert.equal(stdout, 'as it should be\n', stderr)
  })
}

/** A FIFO that somebody has open for writing. */
function fifo(t: Ending) {
  const name = join(temporaryFolder(t), 'fifo')
  execFileSync('mkfifo', [name])
  // Open for both, which a FIFO grants at once.
  const fd = openSync(name, 'r+')
  const writer = createWriteStream('', { fd })
  t.after(() => writer.destroy())
  return { name, writer }
}
