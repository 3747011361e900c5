/** writev(2), and write(2), whose errors it has too. */
import assert from 'node:assert/strict'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { mapFile } from '#sluice/memory/mapped-file.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { randomFile } from '../support/contents.js'
import { socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { bareSink } from './bare-ends.js'
import { anyRemedy, made, type Row } from './error-row.js'
import type { Outcome } from './error-scenes.js'
import * as scenes from './error-scenes.js'

const { memoryToSocket } = scenes
const byWritev = (t: TestContext) => scenes.memoryToPipe(t, 'writev')
const toFile = (t: TestContext) => scenes.memoryToFile(t, 'sink')

export const writeRows: readonly Row[] = [
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
