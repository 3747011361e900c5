/**
 * What becomes of every error that the manual pages of the transferring calls document: it is waited for, another path
 * is taken, or it is a SluiceError with a remedy. Those that the kernel can be made to say are its own here; others
 * are made up, or cannot come, because nothing is asked for that could be answered so.
 */
import assert from 'node:assert/strict'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, truncateSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { type ErrorCode, errnoName, SluiceError } from '#sluice/base/errors.js'
import { KiB } from '#sluice/base/units.js'
import { mapFile } from '#sluice/memory/mapped-file.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { randomFile } from '../support/contents.js'
import { socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { bareSink } from './bare-ends.js'
import { type Errno, type ErrorPage, entriesOf, errorPages } from './error-pages.js'
import type { Call, Outcome } from './error-scenes.js'
import * as scenes from './error-scenes.js'

interface Row {
  readonly page: ErrorPage
  readonly errno: Errno
  /** What the page gives as its cause. */
  readonly cause: string
  /** `kernel`: it says so itself. `made up`: the addon is made to. `avoided`: sluice asks for nothing of the kind. */
  readonly how: 'kernel' | 'made up' | 'avoided'
  /** The path by which it goes well after all, any other where the kernel refuses one, or the error. */
  readonly leadsTo: PathName | 'another path' | readonly [ErrorCode, remedy: RegExp]
  readonly run: (t: TestContext) => Promise<Outcome>
  /** What the kernel answers where it is asked directly. */
  readonly asked?: (t: TestContext) => number
}

const anyRemedy = /See the manual page/
const forWriting = /for reading and the sink for writing/
const shortOfMemory = /Free memory, or raise the limit/
const nonBlocking = native?.SPLICE_F_NONBLOCK ?? 0

/** The first such call of the scene fails. */
function made(
  call: Call,
  errno: Errno,
  scene: (t: TestContext) => Promise<Outcome>,
): Pick<Row, 'how' | 'run'> {
  return {
    how: 'made up',
    run: t => {
      scenes.fail(t, call, errno)
      return scene(t)
    },
  }
}

const { fileToSocket, relayed, streamToFile, teed, memoryToSocket } = scenes
const byVmsplice = (t: TestContext) => scenes.memoryToPipe(t, 'vmsplice')
const byWritev = (t: TestContext) => scenes.memoryToPipe(t, 'writev')
const toFile = (t: TestContext) => scenes.memoryToFile(t, 'sink')

const matrix: readonly Row[] = [
  {
    page: 'sendfile(2)',
    errno: 'EAGAIN',
    cause: 'the write would block',
    how: 'kernel',
    leadsTo: 'sendfile',
    run: scenes.fileToFullSocket,
  },
  {
    page: 'sendfile(2)',
    errno: 'EBADF',
    cause: 'the output is not open for writing',
    how: 'kernel',
    leadsTo: ['ERR_SLUICE_SYSCALL', forWriting],
    run: t => scenes.toReadingEnd(t, 'sendfile'),
  },
  {
    page: 'sendfile(2)',
    errno: 'EFAULT',
    cause: 'the address of the offset, which is an own one',
    leadsTo: ['ERR_SLUICE_SYSCALL', anyRemedy],
    ...made('sendfile', 'EFAULT', fileToSocket),
  },
  {
    page: 'sendfile(2)',
    errno: 'EINVAL',
    cause: 'the input cannot be mapped',
    leadsTo: 'another path',
    ...made('sendfile', 'EINVAL', fileToSocket),
    asked: t => {
      // Of memory whose pages are huge; none are reserved for it.
      const { MFD_HUGETLB, MFD_CLOEXEC } = native!
      const fd = native!.memfdCreate('huge', MFD_HUGETLB | MFD_CLOEXEC)
      // A kernel without huge pages says the same of the flag.
      if (fd < 0) return fd
      t.after(() => closeSync(fd))
      assert.equal(native!.ftruncate(fd, fstatSync(fd).blksize), 0)
      return native!.sendfile(scenes.socketEnds(t)[0], fd, 0, 1)
    },
  },
  {
    page: 'sendfile(2)',
    errno: 'EINVAL',
    cause: 'the output is open for appending',
    how: 'avoided',
    leadsTo: 'copy',
    run: t => fileToFile(t, 'a'),
    asked: t => {
      const { path } = randomFile(temporaryFolder(t), 'file', 10)
      const [from, to] = [openedFor(t, path, 'r'), openedFor(t, path, 'a')]
      return native!.sendfile(to, from, 0, 1)
    },
  },
  {
    page: 'sendfile(2)',
    errno: 'EIO',
    cause: 'reading the input',
    leadsTo: ['ERR_SLUICE_FILE', /Check the name/],
    ...made('sendfile', 'EIO', fileToSocket),
  },
  {
    page: 'sendfile(2)',
    errno: 'ENOMEM',
    cause: 'memory to read the input',
    leadsTo: ['ERR_SLUICE_MEMORY', shortOfMemory],
    ...made('sendfile', 'ENOMEM', fileToSocket),
  },
  {
    page: 'sendfile(2)',
    errno: 'EOVERFLOW',
    cause: 'the largest size of one of the files',
    leadsTo: ['ERR_SLUICE_SYSCALL', anyRemedy],
    ...made('sendfile', 'EOVERFLOW', fileToSocket),
  },
  {
    page: 'sendfile(2)',
    errno: 'ESPIPE',
    cause: 'an offset into what has no positions',
    how: 'avoided',
    leadsTo: 'copy',
    run: pipeAsFile,
    asked: t => native!.sendfile(scenes.socketEnds(t)[0], scenes.pipeEnds(t)[0], 0, 1),
  },
  {
    page: 'splice(2)',
    errno: 'EAGAIN',
    cause: 'the operation would block',
    how: 'kernel',
    leadsTo: 'splice',
    run: scenes.relayedToFullSocket,
  },
  {
    page: 'splice(2)',
    errno: 'EBADF',
    cause: 'a descriptor is not open for it',
    how: 'kernel',
    leadsTo: ['ERR_SLUICE_SYSCALL', forWriting],
    run: t => scenes.toReadingEnd(t, 'splice'),
  },
  {
    page: 'splice(2)',
    errno: 'EINVAL',
    cause: 'the file system does not splice',
    leadsTo: 'another path',
    ...made('splice', 'EINVAL', t => streamToFile(t)),
  },
  {
    page: 'splice(2)',
    errno: 'EINVAL',
    cause: 'the target is open for appending',
    how: 'avoided',
    leadsTo: 'copy',
    run: t => streamToFile(t, 'a'),
    asked: t => {
      const { path } = randomFile(temporaryFolder(t), 'file', 10)
      const [reading, writing] = scenes.pipeEnds(t)
      native!.writev(writing, [Buffer.from('x')])
      return native!.splice(reading, null, openedFor(t, path, 'a'), null, 1, nonBlocking)
    },
  },
  {
    page: 'splice(2)',
    errno: 'EINVAL',
    cause: 'neither descriptor is a pipe',
    how: 'avoided',
    leadsTo: 'splice',
    run: relayed,
    asked: t => {
      const [one, other] = scenes.socketEnds(t)
      return native!.splice(one, null, other, null, 1, nonBlocking)
    },
  },
  {
    page: 'splice(2)',
    errno: 'EINVAL',
    cause: 'an offset into what has no positions',
    how: 'avoided',
    leadsTo: 'splice',
    run: relayed,
    asked: t => native!.splice(scenes.pipeEnds(t)[0], null, scenes.socketEnds(t)[0], 0, 1, nonBlocking),
  },
  {
    page: 'splice(2)',
    errno: 'EINVAL',
    cause: 'both are the same pipe',
    how: 'avoided',
    leadsTo: ['ERR_SLUICE_OPTION', /two pipes/],
    run: async t => {
      const [reading, writing] = scenes.pipeEnds(t)
      native!.writev(writing, [Buffer.from('round and round')])
      return await scenes.settled(transfer(pipe(reading), pipe(writing)))
    },
    asked: t => {
      const [reading, writing] = scenes.pipeEnds(t)
      return native!.splice(reading, null, writing, null, 1, nonBlocking)
    },
  },
  {
    page: 'splice(2)',
    errno: 'ENOMEM',
    cause: 'memory',
    leadsTo: ['ERR_SLUICE_MEMORY', shortOfMemory],
    ...made('splice', 'ENOMEM', relayed),
  },
  {
    page: 'splice(2)',
    errno: 'ESPIPE',
    cause: 'an offset into a pipe',
    leadsTo: ['ERR_SLUICE_SYSCALL', /fault of sluice/],
    ...made('splice', 'ESPIPE', relayed),
    asked: t => native!.splice(scenes.pipeEnds(t)[0], 0, scenes.pipeEnds(t)[1], null, 1, nonBlocking),
  },
  {
    page: 'tee(2)',
    errno: 'EAGAIN',
    cause: 'the operation would block',
    how: 'kernel',
    leadsTo: 'tee',
    run: scenes.teedToFullPipe,
  },
  {
    page: 'tee(2)',
    errno: 'EINVAL',
    cause: 'one is no pipe, or both are the same',
    leadsTo: ['ERR_SLUICE_SYSCALL', /`prefer: 'copy'`/],
    ...made('tee', 'EINVAL', teed),
    asked: t => native!.tee(scenes.pipeEnds(t)[0], scenes.socketEnds(t)[0], 1, nonBlocking),
  },
  {
    page: 'tee(2)',
    errno: 'ENOMEM',
    cause: 'memory',
    leadsTo: ['ERR_SLUICE_MEMORY', shortOfMemory],
    ...made('tee', 'ENOMEM', teed),
  },
  {
    page: 'vmsplice(2)',
    errno: 'EAGAIN',
    cause: 'the operation would block',
    how: 'kernel',
    leadsTo: 'vmsplice',
    run: t => scenes.memoryToFullPipe(t, 'vmsplice'),
  },
  {
    page: 'vmsplice(2)',
    errno: 'EBADF',
    // At the end that is for reading the kernel does not say so: it writes what is in the pipe over the memory.
    cause: 'the descriptor is no pipe that can be written to',
    how: 'avoided',
    leadsTo: ['ERR_SLUICE_SYSCALL', forWriting],
    run: t => scenes.toReadingEnd(t, 'vmsplice'),
    asked: t => native!.vmsplice(scenes.socketEnds(t)[0], new Uint8Array(1), nonBlocking),
  },
  {
    page: 'vmsplice(2)',
    errno: 'EINVAL',
    cause: 'too many pieces, or pages that are not aligned given away',
    leadsTo: 'another path',
    ...made('vmsplice', 'EINVAL', byVmsplice),
  },
  {
    page: 'vmsplice(2)',
    errno: 'ENOMEM',
    cause: 'memory',
    leadsTo: ['ERR_SLUICE_MEMORY', shortOfMemory],
    ...made('vmsplice', 'ENOMEM', byVmsplice),
  },
  {
    page: 'writev(2)',
    errno: 'EINVAL',
    cause: 'the sum of the lengths overflows',
    leadsTo: 'another path',
    ...made('sendViews', 'EINVAL', memoryToSocket),
  },
  {
    page: 'writev(2)',
    errno: 'EINVAL',
    cause: 'more than 1024 pieces',
    how: 'avoided',
    leadsTo: 'writev',
    run: async t => {
      const { socket: sink, peer } = await socketPair(t)
      const parts = Array.from({ length: 1024 }, () => new Uint8Array(3))
      const outcome = await scenes.settled(transfer(parts, socket(sink), { prefer: 'writev' }))
      assert.equal((await peer.take(3 * 1024)).length, 3 * 1024)
      return outcome
    },
  },
  {
    page: 'writev(2)',
    errno: 'EOPNOTSUPP',
    cause: 'a flag that is not known',
    leadsTo: 'another path',
    ...made('sendViews', 'EOPNOTSUPP', memoryToSocket),
  },
  {
    page: 'write(2)',
    errno: 'EAGAIN',
    cause: 'a pipe is full',
    how: 'kernel',
    leadsTo: 'writev',
    run: t => scenes.memoryToFullPipe(t, 'writev'),
  },
  {
    page: 'write(2)',
    errno: 'EAGAIN',
    cause: 'a socket is full',
    how: 'kernel',
    leadsTo: 'writev',
    run: scenes.memoryToFullSocket,
  },
  {
    page: 'write(2)',
    errno: 'EBADF',
    cause: 'the descriptor is not open for writing',
    how: 'kernel',
    leadsTo: ['ERR_SLUICE_SYSCALL', /Open the sink for writing/],
    run: t => scenes.toReadingEnd(t, 'writev'),
  },
  {
    page: 'write(2)',
    errno: 'EDESTADDRREQ',
    cause: 'a datagram socket without a peer',
    leadsTo: ['ERR_SLUICE_SYSCALL', anyRemedy],
    ...made('sendViews', 'EDESTADDRREQ', memoryToSocket),
  },
  {
    page: 'write(2)',
    errno: 'EDQUOT',
    cause: "the user's blocks are used up",
    leadsTo: ['ERR_SLUICE_SYSCALL', /Free some of the quota/],
    ...made('pwriteOffload', 'EDQUOT', toFile),
  },
  {
    page: 'write(2)',
    errno: 'EFAULT',
    cause: 'the bytes are not there',
    how: 'kernel',
    leadsTo: ['ERR_SLUICE_MAPPING_TRUNCATED', /rename/],
    run: truncatedMapping,
  },
  {
    page: 'write(2)',
    errno: 'EFBIG',
    cause: "the file system's or the process's largest file",
    how: 'kernel',
    leadsTo: ['ERR_SLUICE_SYSCALL', /ulimit -f/],
    run: async t =>
      await scenes.settled(
        transfer(
          new Uint8Array(10),
          file(join(temporaryFolder(t), 'sink'), { start: Number.MAX_SAFE_INTEGER - 5 }),
          {
            prefer: 'writev',
          },
        ),
      ),
  },
  {
    page: 'write(2)',
    errno: 'EINTR',
    cause: 'a signal',
    leadsTo: 'writev',
    ...made('writev', 'EINTR', byWritev),
  },
  {
    page: 'write(2)',
    errno: 'EINVAL',
    cause: 'the file wants whole blocks (O_DIRECT), or takes no bytes',
    leadsTo: 'another path',
    ...made('pwriteOffload', 'EINVAL', toFile),
  },
  {
    page: 'write(2)',
    errno: 'EIO',
    cause: 'the disk',
    leadsTo: ['ERR_SLUICE_FILE', /Check the name/],
    ...made('pwriteOffload', 'EIO', toFile),
  },
  {
    page: 'write(2)',
    errno: 'ENOSPC',
    cause: 'the device is full',
    how: 'kernel',
    leadsTo: ['ERR_SLUICE_SYSCALL', /Free space/],
    run: t => scenes.memoryToFile(t, '/dev/full'),
  },
  {
    page: 'write(2)',
    errno: 'EPERM',
    cause: 'a seal',
    how: 'kernel',
    leadsTo: ['ERR_SLUICE_SYSCALL', /immutable or sealed/],
    run: t => {
      const region = new Region({ bytes: 64 * KiB, seal: 'future-write' })
      t.after(() => region.close())
      return scenes.memoryToFile(t, region.fd!)
    },
  },
  {
    page: 'write(2)',
    errno: 'EPIPE',
    cause: 'the reading end is closed',
    how: 'kernel',
    leadsTo: ['ERR_SLUICE_PEER_CLOSED', /retry/],
    run: async t => {
      const { fd, far } = await bareSink(t, 'pipe')
      far.destroy()
      return await scenes.settled(transfer(new Uint8Array(10), pipe(fd), { prefer: 'writev' }))
    },
  },
]

for (const { page, errno, cause, how, leadsTo, run, asked } of matrix) {
  const outcome = typeof leadsTo === 'string' ? leadsTo : leadsTo[0]
  test(`${page} ${errno}, ${cause} (${how}): ${outcome}`, needsAddon, async t => {
    if (asked !== undefined) assert.equal(asked(t), -constants.errno[errno])
    const got = await run(t)
    if (typeof leadsTo === 'string') {
      if (got instanceof SluiceError) throw got
      if (leadsTo !== 'another path') assert.equal(got.path, leadsTo, got.why)
      else assert.ok(got.why.includes(`is refused here (${errnoName(-constants.errno[errno])})`), got.why)
      return
    }
    assert.ok(got instanceof SluiceError, 'it went well')
    assert.equal(got.code, leadsTo[0], got.message)
    assert.match(got.remedy, leadsTo[1])
    // Some are found before, or mean something else to who asked.
    if (how !== 'avoided' && got.errno !== undefined) assert.equal(got.errno, -constants.errno[errno])
  })
}

test('the matrix has every error that the pages name, as often as they do', () => {
  for (const [page, entries] of Object.entries(errorPages)) {
    const rows = matrix.filter(row => row.page === page).map(({ errno }) => errno)
    assert.deepEqual(rows.sort(), [...entries].sort(), page)
  }
  const names = matrix.map(({ page, errno, cause }) => `${page} ${errno} ${cause}`)
  assert.equal(new Set(names).size, names.length)
})

test('the pages of this machine name the same errors', { skip: pagesMissing() }, () => {
  for (const [page, entries] of Object.entries(errorPages)) {
    const source = gunzipSync(readFileSync(manual(page))).toString('latin1')
    assert.deepEqual(entriesOf(source), [...entries], page)
  }
})

function manual(page: string): string {
  // The page of writev(2) has the name of its sibling.
  return `/usr/share/man/man2/${page.replace('writev', 'readv').replace('(2)', '')}.2.gz`
}

function pagesMissing(): string | false {
  const missing = Object.keys(errorPages).filter(page => !existsSync(manual(page)))
  return missing.length > 0 && `the manual pages are not installed: ${missing.join(', ')}`
}

function openedFor(t: TestContext, path: string, flags: string): number {
  const fd = openSync(path, flags)
  t.after(() => closeSync(fd))
  return fd
}

async function fileToFile(t: TestContext, flags: 'a'): Promise<Outcome> {
  const folder = temporaryFolder(t)
  const { path } = randomFile(folder, 'file', 10)
  return await scenes.settled(
    transfer(file(path), file(join(folder, 'sink'), { flags }), { prefer: 'sendfile' }),
  )
}

async function pipeAsFile(t: TestContext): Promise<Outcome> {
  const [reading, writing] = scenes.pipeEnds(t)
  native!.writev(writing, [Buffer.from('bytes')])
  const { socket: sink } = await socketPair(t)
  return await scenes.settled(transfer(file(reading, { end: 4 }), socket(sink), { prefer: 'sendfile' }))
}

/** Between the check and the write. */
async function truncatedMapping(t: TestContext): Promise<Outcome> {
  const folder = temporaryFolder(t)
  const { path } = randomFile(folder, 'file', 64 * KiB)
  const mapping = mapFile(path)
  t.after(() => mapping.close())
  const real = native!.pwriteOffload
  t.mock.method(native!, 'pwriteOffload', (...args: Parameters<typeof real>) => {
    truncateSync(path, 0)
    return real(...args)
  })
  return await scenes.settled(transfer(mapping, file(join(folder, 'sink')), { prefer: 'writev' }))
}
