/** From memory to files: contents and places on every path, and what goes wrong with files. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import {
  closeSync,
  constants as fsConstants,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SluiceError } from '#sluice/base/errors.js'
import { KiB, MiB } from '#sluice/base/units.js'
import { mapFile } from '#sluice/memory/mapped-file.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { file } from '#sluice/transfer/ends/endpoints.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { memoryFilePathNames } from '#sluice/transfer/plan/plan-memory-file.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { fileMappings } from '../memory/support.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { without } from '../support/commands.js'
import { randomFile, sha256 } from '../support/contents.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary.js'

const page = 4 * KiB
/** Several pieces on every path. */
const largeBytes = 40 * MiB + 5
const child = join(repository, 'build', 'dev', 'test', 'transfer', 'children', 'memory-to-file.js')

for (const prefer of memoryFilePathNames) {
  test(`${prefer}: leases of every length, and the slot comes back`, async t => {
    const folder = temporaryFolder(t)
    const pool = new Pool({ slots: 1, slotBytes: largeBytes })
    t.after(() => pool.close())
    const before = openDescriptors()
    for (const length of [0, 1, page - 1, page, page + 1, 1 * MiB, 3 * MiB + 17, largeBytes]) {
      const lease = await pool.take({ wait: false })
      lease.length = length
      randomFillSync(lease.bytes)
      const expected = sha256(lease.bytes)
      const to = join(folder, `${length}.bin`)
      const seen: number[] = []
      const options = { prefer, onProgress: (bytes: number) => void seen.push(bytes) }
      const result = await transfer(lease, file(to), options)
      assert.equal(result.path, pathTaken(prefer))
      assert.equal(result.bytes, length)
      assert.equal(result.copied, result.path === 'sendfile' ? 0 : length)
      assert.equal(seen.at(-1) ?? 0, length)
      assert.equal(sha256(readFileSync(to)), expected, `${length} bytes`)
    }
    await descriptorsBackTo(before)
  })

  test(`${prefer}: a range of a region goes to its place, and what is around it stays`, async t => {
    const { path: to, bytes } = randomFile(temporaryFolder(t), 'sink.bin', 3 * MiB)
    const region = new Region({ bytes: 2 * MiB })
    t.after(() => region.close())
    randomFillSync(region.bytes)
    const sink = file(to, { flags: 'r+', start: page + 1 })
    const result = await transfer(memory(region, { start: 5, end: 1 * MiB + 4 }), sink, { prefer })
    assert.equal(result.path, pathTaken(prefer))
    bytes.set(region.bytes.subarray(5, 1 * MiB + 5), page + 1)
    assert.equal(sha256(readFileSync(to)), sha256(bytes))
  })

  test(`${prefer}: appending, and open files whose position stays`, async t => {
    const { path: to, bytes } = randomFile(temporaryFolder(t), 'sink.bin', 100)
    const region = new Region({ bytes: 1 * MiB })
    t.after(() => region.close())
    randomFillSync(region.bytes)
    const appended = await transfer(region, file(to, { flags: 'a' }), { prefer })
    assert.equal(sha256(readFileSync(to)), sha256(Buffer.concat([bytes, region.bytes])))
    if (prefer === 'sendfile' && native !== null) assert.match(appended.why, /O_APPEND/)
    const handle = await open(to, 'r+')
    t.after(() => handle.close())
    const inPlace = await transfer(memory(region, { end: 9 }), handle, { prefer })
    if (prefer === 'sendfile' && native !== null) assert.match(inPlace.why, /where the descriptor stands/)
    assert.equal((await handle.read(Buffer.alloc(10), 0, 10)).buffer.compare(region.bytes, 0, 10), 0)
    assert.equal(statSync(to).size, 100 + 1 * MiB)
  })

  test(`${prefer} is aborted between pieces; the sink keeps what was written`, async t => {
    const to = join(temporaryFolder(t), 'sink.bin')
    const region = new Region({ bytes: largeBytes })
    t.after(() => region.close())
    region.bytes.fill(3)
    const aborter = new AbortController()
    const error = await failure(
      transfer(region, file(to), { prefer, signal: aborter.signal, onProgress: () => aborter.abort() }),
    )
    assert.equal(error.code, 'ERR_SLUICE_ABORTED')
    assert.ok(error.bytes! > 0 && error.bytes! < largeBytes, `${error.bytes} bytes`)
    assert.equal(statSync(to).size, error.bytes)
  })

  test(`${prefer}: a file larger than the process may write is EFBIG`, without('prlimit'), async t => {
    const to = join(temporaryFolder(t), 'sink.bin')
    const outcome = run(process.execPath, [child, to, prefer, `${1 * MiB}`])
    assert.equal(outcome.errno, -constants.errno.EFBIG)
    assert.equal(outcome.bytes, 1 * MiB)
    assert.match(outcome.message!, /ulimit -f/)
  })

  test(`${prefer}: a full disk is ENOSPC`, privateMounts(), async t => {
    const script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$1/to" "$4"'
    const arguments_ = ['-m', 'sh', '-c', script, 'sh', temporaryFolder(t), process.execPath, child, prefer]
    const outcome = run('unshare', arguments_)
    assert.equal(outcome.errno, -constants.errno.ENOSPC)
    assert.ok(outcome.bytes! > 0 && outcome.bytes! < 2 * MiB, `${outcome.bytes} bytes`)
    assert.match(outcome.message!, /Free space/)
  })
}

test('short writes, EINTR and EDQUOT', needsAddon, async t => {
  const to = join(temporaryFolder(t), 'sink.bin')
  const bytes = randomFillSync(new Uint8Array(10))
  const real = native!.pwriteOffload
  let call = 0
  const { mock } = t.mock.method(
    native!,
    'pwriteOffload',
    (fd: number, piece: Uint8Array, offset: number | null) => {
      if (call++ % 2 === 0) return Promise.resolve(-constants.errno.EINTR)
      return real(fd, piece.subarray(0, 3), offset)
    },
  )
  assert.equal((await transfer(bytes, file(to), { prefer: 'writev' })).bytes, 10)
  assert.deepEqual(readFileSync(to), Buffer.from(bytes))
  mock.mockImplementation((fd: number, piece: Uint8Array, offset: number | null) =>
    call++ === 9 ? Promise.resolve(-constants.errno.EDQUOT) : real(fd, piece.subarray(0, 4), offset),
  )
  call = 8
  const error = await failure(transfer(bytes, file(to), { prefer: 'writev' }))
  assert.equal(error.errno, -constants.errno.EDQUOT)
  assert.equal(error.syscall, 'pwrite')
  assert.equal(error.bytes, 4)
  assert.match(error.message, /quota/)
})

for (const name of ['EINVAL', 'EPERM'] as const) {
  test(`where the kernel refuses one path with ${name}, the next goes on from there`, needsAddon, async t => {
    const to = join(temporaryFolder(t), 'sink.bin')
    const region = new Region({ bytes: 1 * MiB })
    t.after(() => region.close())
    randomFillSync(region.bytes)
    t.mock.method(native!, 'pwriteOffload', async () => -constants.errno[name])
    const { why, copied, path } = await transfer(region, file(to), { prefer: 'writev' })
    assert.notEqual(path, 'writev')
    assert.match(why, new RegExp(`writev is refused here \\(${name}\\)`))
    assert.equal(copied, path === 'copy' ? 1 * MiB : 0)
    assert.equal(sha256(readFileSync(to)), sha256(region.bytes))
  })
}

test('a FIFO is copied to, and waited for', needsAddon, async t => {
  const fifo = join(temporaryFolder(t), 'fifo')
  execFileSync('mkfifo', [fifo])
  const reader = openSync(fifo, 'r+')
  t.after(() => closeSync(reader))
  const sent = transfer(new Uint8Array(1 * MiB), file(fifo), { deadlineMs: 30 })
  assert.equal((await failure(sent)).code, 'ERR_SLUICE_DEADLINE')
  const { path, why } = await transfer(new Uint8Array(0), file(fifo))
  assert.equal(path, 'copy')
  assert.match(why, /not a regular file/)
})

test('a mapped file is copied as the file that it is, and truncation is told', needsAddon, async t => {
  const folder = temporaryFolder(t)
  const { path, bytes } = randomFile(folder, 'mapped.bin', 2 * MiB)
  const mapping = mapFile(path, { start: 10 })
  t.after(() => mapping.close())
  const to = join(folder, 'sink.bin')
  const { copied } = await transfer(mapping, file(to), { prefer: 'copy_file_range' })
  assert.equal(copied, 0)
  assert.equal(sha256(readFileSync(to)), sha256(bytes.subarray(10)))
  const gathered = await transfer(mapping, file(to), { prefer: 'writev' })
  assert.equal(gathered.path, 'writev')
  assert.equal(sha256(readFileSync(to)), sha256(bytes.subarray(10)))
  const other = mapFile(path)
  t.after(() => other.close())
  // Between the check and the write: the system call is handed bytes that are gone.
  const real = native!.pwriteOffload
  t.mock.method(native!, 'pwriteOffload', (fd: number, piece: Uint8Array, offset: number | null) => {
    truncateSync(path, 0)
    return real(fd, piece, offset)
  })
  const error = await failure(transfer(other, file(to), { prefer: 'writev' }))
  assert.equal(error.code, 'ERR_SLUICE_MAPPING_TRUNCATED')
  assert.equal(error.bytes, 0)
  assert.equal((await failure(transfer(other, file(to)))).code, 'ERR_SLUICE_MAPPING_TRUNCATED')
})

test(
  'a mapping that is closed while a thread writes from it stays until that has ended',
  needsAddon,
  async t => {
    const folder = temporaryFolder(t)
    const { path, bytes } = randomFile(folder, 'closed.bin', 40 * MiB)
    const mapping = mapFile(path)
    const to = join(folder, 'sink.bin')
    const real = native!.pwriteOffload
    let writing = 0
    t.mock.method(native!, 'pwriteOffload', (...args: Parameters<typeof real>) => {
      const written = real(...args)
      writing++
      mapping.close()
      assert.equal(fileMappings(path), 1)
      return written
    })
    await transfer(mapping, file(to), { prefer: 'writev' })
    assert.ok(writing > 1)
    assert.equal(sha256(readFileSync(to)), sha256(bytes))
    assert.equal(fileMappings(path), 0)
  },
)

test(
  'a file that takes whole blocks takes slots, and of what is not aligned says the number',
  needsAddon,
  async t => {
    const folder = temporaryFolder(t)
    const to = join(folder, 'direct.bin')
    const fd = openSync(to, fsConstants.O_RDWR | fsConstants.O_CREAT | fsConstants.O_DIRECT)
    t.after(() => closeSync(fd))
    if (takesAnything(fd)) return t.skip('this file system takes any bytes with O_DIRECT')
    const pool = new Pool({ slots: 1, slotBytes: 2 * page })
    t.after(() => pool.close())
    const whole = pool.tryTake()!
    whole.bytes.fill(7)
    assert.equal((await transfer(whole, file(fd))).path, 'writev')
    assert.deepEqual(readFileSync(to), Buffer.alloc(2 * page, 7))
    for (const range of [{ start: 1, end: page }, { end: page - 2 }]) {
      const error = await failure(transfer(memory(pool.tryTake()!, range), file(fd)))
      assert.equal(error.errno, -constants.errno.EINVAL)
      assert.match(error.message, /O_DIRECT.* multiples of its block, mostly 4096 bytes/)
    }
    assert.equal(pool.free, 1)
    writeFileSync(to, Buffer.alloc(100))
    const reading = await failure(transfer(file(fd), file(join(folder, 'other')), { prefer: 'copy' }))
    assert.match(reading.message, /O_DIRECT.* multiples of its block/)
  },
)

test('a sink that cannot be opened or named leaves the lease ended, or with the program', async t => {
  const folder = temporaryFolder(t)
  const pool = new Pool({ slots: 1, slotBytes: page })
  t.after(() => pool.close())
  const lease = await pool.take()
  writeFileSync(join(folder, 'sink.bin'), '')
  const sink = file(join(folder, 'sink.bin'), { end: 5 })
  assert.equal((await failure(transfer(lease, sink))).code, 'ERR_SLUICE_OPTION')
  assert.equal(lease.bytes.length, page)
  assert.equal((await failure(transfer(lease, file(folder)))).code, 'ERR_SLUICE_FILE')
  assert.equal(pool.free, 1)
})

interface Outcome {
  errno?: number
  bytes?: number
  message?: string
}

function run(command: string, words: readonly string[]): Outcome {
  const { stdout, stderr, status } = spawnSync(command, words, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Outcome
}

/** Whether this process may mount a file system that nobody else sees. */
function privateMounts(): { skip: string | false } {
  const tried = spawnSync('unshare', ['-m', 'true'])
  return { skip: tried.status !== 0 && 'mounting in a namespace of one’s own is not allowed here' }
}

async function failure(transferred: Promise<unknown>): Promise<SluiceError> {
  return transferred.then(
    () => assert.fail('the transfer did well'),
    error => error as SluiceError,
  )
}

function takesAnything(fd: number): boolean {
  try {
    writeSync(fd, Buffer.alloc(page + 1), 0, 1, 1)
    return true
  } catch {
    return false
  }
}
