/** sendfile(2). */
import assert from 'node:assert/strict'
import { closeSync, fstatSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { randomFile } from '../support/contents.js'
import { socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { anyRemedy, forWriting, made, openedFor, type Row, shortOfMemory } from './error-row.js'
import type { Outcome } from './error-scenes.js'
import * as scenes from './error-scenes.js'

const { fileToSocket } = scenes

export const sendfileRows: readonly Row[] = [
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
]

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
