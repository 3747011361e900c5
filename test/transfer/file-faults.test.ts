/** What ends a transfer from file to file before its time. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { SluiceError } from '#sluice/base/errors.js'
import { KiB, MiB } from '#sluice/base/units.js'
import { file } from '#sluice/transfer/ends/endpoints.js'
import { filePathNames } from '#sluice/transfer/plan/plan-files.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { without } from '../support/commands.js'
import { randomFile, sparseFile } from '../support/contents.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary.js'
import { largeBytes, largeFile } from './files.js'

const child = join(repository, 'build', 'dev', 'test', 'transfer', 'children', 'file-to-file.js')
/** Those that move bytes piece by piece; sharing blocks is done at once. */
const movingPaths = filePathNames.filter(name => name !== 'reflink')

for (const prefer of movingPaths) {
  test(`${prefer} is aborted between pieces, and the descriptors are closed when it settles`, async t => {
    const folder = temporaryFolder(t)
    const { path: from, bytes } = largeFile(folder)
    const to = join(folder, 'sink.bin')
    const before = openDescriptors()
    const aborter = new AbortController()
    const error = await failure(
      transfer(file(from), file(to), { prefer, signal: aborter.signal, onProgress: () => aborter.abort() }),
    )
    assert.equal(error.code, 'ERR_SLUICE_ABORTED')
    assert.ok(error.bytes > 0 && error.bytes < largeBytes, `${error.bytes} bytes`)
    assert.ok(readFileSync(to).equals(bytes.subarray(0, error.bytes)))
    await descriptorsBackTo(before)
  })

  test(`${prefer} ends when its deadline has passed`, async t => {
    const folder = temporaryFolder(t)
    const { path: from } = largeFile(folder)
    const onProgress = (): void => {
      const until = performance.now() + 2
      while (performance.now() < until);
    }
    const error = await failure(
      transfer(file(from), file(join(folder, 'sink.bin')), { prefer, deadlineMs: 1, onProgress }),
    )
    assert.equal(error.code, 'ERR_SLUICE_DEADLINE')
    assert.ok(error.bytes < largeBytes)
  })

  test(`${prefer} of a file that is truncated meanwhile fails, and pads nothing`, async t => {
    const folder = temporaryFolder(t)
    const { path: from } = largeFile(folder)
    const to = join(folder, 'sink.bin')
    const onProgress = (): void => truncateSync(from, 1 * MiB)
    const error = await failure(transfer(file(from), file(to), { prefer, onProgress }))
    assert.equal(error.code, 'ERR_SLUICE_FILE_SHRANK')
    assert.equal(statSync(to).size, error.bytes)
  })

  test(`${prefer}: what onProgress throws ends it`, async t => {
    const folder = temporaryFolder(t)
    const { path: from } = largeFile(folder)
    const thrown = new Error('enough')
    const onProgress = (): void => {
      throw thrown
    }
    const sent = transfer(file(from), file(join(folder, 'sink.bin')), { prefer, onProgress })
    await assert.rejects(sent, error => error === thrown)
  })

  test(`${prefer}: a file larger than the process may write is EFBIG`, without('prlimit'), async t => {
    const folder = temporaryFolder(t)
    const { path: from } = randomFile(folder, 'source.bin', 2 * MiB)
    const to = join(folder, 'sink.bin')
    const outcome = run('prlimit', [`--fsize=${1 * MiB}`, process.execPath, child, from, to, prefer])
    assert.equal(outcome.errno, -constants.errno.EFBIG)
    assert.equal(outcome.bytes, 1 * MiB)
    assert.match(outcome.message!, /ulimit -f/)
  })

  test(`${prefer}: a full disk is ENOSPC`, privateMounts(), async t => {
    const folder = temporaryFolder(t)
    const script = [
      'mount -t tmpfs -o size=3m tmpfs "$1"',
      'head -c 2097152 /dev/urandom > "$1/from"',
      'exec "$2" "$3" "$1/from" "$1/to" "$4"',
    ].join(' && ')
    const outcome = run('unshare', ['-m', 'sh', '-c', script, 'sh', folder, process.execPath, child, prefer])
    assert.equal(outcome.errno, -constants.errno.ENOSPC)
    assert.ok(outcome.bytes! > 512 * KiB && outcome.bytes! < 2 * MiB, `${outcome.bytes} bytes`)
    assert.match(outcome.message!, /Free space/)
  })
}

test('a file that is truncated within a hole fails', needsAddon, async t => {
  const folder = temporaryFolder(t)
  const from = sparseFile(folder, 'sparse.bin', 64 * MiB, [{ at: 0, text: 'mark' }])
  const onProgress = (): void => truncateSync(from, 32 * MiB)
  const sent = transfer(file(from), file(join(folder, 'sink.bin')), { prefer: 'copy_file_range', onProgress })
  await assert.rejects(sent, { code: 'ERR_SLUICE_FILE_SHRANK' })
})

test('a signal that is aborted already leaves the sink as it is', async t => {
  const folder = temporaryFolder(t)
  const { path: from } = randomFile(folder, 'source.bin', 10)
  const { path: to } = randomFile(folder, 'sink.bin', 20)
  const early = transfer(file(from), file(to), { signal: AbortSignal.abort() })
  await assert.rejects(early, { code: 'ERR_SLUICE_ABORTED' })
  const aborter = new AbortController()
  const late = transfer(file(from), file(to), { signal: aborter.signal })
  aborter.abort()
  await assert.rejects(late, { code: 'ERR_SLUICE_ABORTED' })
  assert.equal(statSync(to).size, 20)
})

test('a transfer from a silent FIFO can be aborted', async t => {
  const folder = temporaryFolder(t)
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  // Somebody has it open for writing, or reading would end at once.
  const writer = openSync(fifo, 'r+')
  t.after(() => closeSync(writer))
  const before = openDescriptors()
  const sent = transfer(file(fifo), file(join(folder, 'sink.bin')), { deadlineMs: 20 })
  await assert.rejects(sent, { code: 'ERR_SLUICE_DEADLINE' })
  await descriptorsBackTo(before)
})

test('between file systems it goes by sendfile', otherFileSystem(), async t => {
  const folder = temporaryFolder(t)
  const { path: from, bytes } = randomFile(folder, 'source.bin', 1 * MiB)
  const to = `/dev/shm/sluice-test-${process.pid}`
  t.after(() => rmSync(to, { force: true }))
  const { path, why, copied } = await transfer(file(from), file(to))
  assert.deepEqual({ path, copied }, { path: 'sendfile', copied: 0 })
  assert.match(why, /copy_file_range is refused here \(EXDEV\)/)
  assert.ok(readFileSync(to).equals(bytes))
})

test('files of btrfs share their blocks', sharingDisk(), async t => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'mounted'))
  const script = [
    'truncate -s 256M "$1/image"',
    'mkfs.btrfs -q "$1/image" > "$1/said"',
    'mount -o loop "$1/image" "$1/mounted"',
    'head -c 2000001 /dev/urandom > "$1/mounted/from"',
    '"$2" "$3" "$1/mounted/from" "$1/mounted/to" reflink',
    'cmp "$1/mounted/from" "$1/mounted/to"',
  ].join(' && ')
  const { path, bytes, copied } = run('unshare', [
    '-m',
    'sh',
    '-c',
    script,
    'sh',
    folder,
    process.execPath,
    child,
  ])
  assert.deepEqual({ path, bytes, copied }, { path: 'reflink', bytes: 2_000_001, copied: 0 })
})

interface Outcome {
  readonly path?: string
  readonly bytes?: number
  readonly copied?: number
  readonly errno?: number
  readonly message?: string
}

/** Runs a command that prints what came of a transfer. */
function run(command: string, args: readonly string[]): Outcome {
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8' })) as Outcome
}

async function failure(sent: Promise<unknown>): Promise<SluiceError & { bytes: number }> {
  try {
    await sent
  } catch (error) {
    assert.ok(error instanceof SluiceError)
    return error as SluiceError & { bytes: number }
  }
  throw new Error('the transfer did not fail')
}

/** Whether this process may mount file systems where nobody else sees them. */
function privateMounts(): { skip: string | false } {
  const { status } = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt'])
  return { skip: status !== 0 && 'this process may not mount file systems (unshare -m)' }
}

function sharingDisk(): { skip: string | false } {
  return { skip: needsAddon.skip || privateMounts().skip || without('mkfs.btrfs').skip }
}

function otherFileSystem(): { skip: string | false } {
  return { skip: needsAddon.skip || (!existsSync('/dev/shm') && '/dev/shm is not there') }
}
