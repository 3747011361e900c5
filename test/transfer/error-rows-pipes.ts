/** splice(2), tee(2) and vmsplice(2). */
import type { TestContext } from 'node:test'
import { native } from '#sluice/native/load.js'
import { pipe } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { randomFile } from '../support/contents.js'
import { temporaryFolder } from '../support/temporary.js'
import { forWriting, made, nonBlocking, openedFor, type Row, shortOfMemory } from './error-row.js'
import * as scenes from './error-scenes.js'

const { relayed, streamToFile, teed } = scenes
const byVmsplice = (t: TestContext) => scenes.memoryToPipe(t, 'vmsplice')

export const pipeRows: readonly Row[] = [
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
]
