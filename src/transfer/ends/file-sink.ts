/** Opening the file that a transfer writes: a descriptor of our own, and where in it the first byte goes. */
import { constants as fsConstants, fstat, ftruncate } from 'node:fs'
import { open } from 'node:fs/promises'
import { constants } from 'node:os'
import { promisify } from 'node:util'
import { SluiceError } from '../../base/errors.js'
import type { Native } from '../../native/calls.js'
import { native } from '../../native/load.js'
import { closerOf } from '../../native/own.js'
import { writeError } from '../write-error.js'
import { type FileSink, type FileSinkFlags, isGivenByName } from './endpoints.js'
import { checkName, nameOf, pathOf, unblock } from './source.js'

export interface OpenedSink {
  readonly fd: number
  /** How messages call it. */
  readonly name: string
  /** Whether it has positions: pipes and devices have not. */
  readonly regular: boolean
  /** Whether the kernel puts each write at the end. */
  readonly appends: boolean
  readonly identity: Identity
  /** Makes a file that is opened with flags `w` empty → the number of bytes it has then. */
  empty(): Promise<number>
  /** Gives it `size` bytes where it has fewer: a hole at the end. */
  extend(size: number): Promise<void>
  /** @throws what the file's server says only now, such as ENOSPC */
  close(): Promise<void>
}

/** Which file it is. As bigints: inode numbers of some file systems use all 64 bits. */
export interface Identity {
  readonly dev: bigint
  readonly ino: bigint
}

const { O_WRONLY, O_CREAT, O_APPEND } = fsConstants
const flagBits: Record<FileSinkFlags, number> = {
  // Not O_TRUNC: it may turn out to be the source.
  w: O_WRONLY | O_CREAT,
  a: O_WRONLY | O_CREAT | O_APPEND,
  'r+': O_WRONLY,
}

const statDescriptor = promisify(fstat)
const truncate = promisify(ftruncate)

/** Opens the file for as long as `use` takes. What that fails of says more than what closing does. */
export async function withSink<Result>(
  to: FileSink,
  use: (sink: OpenedSink) => Promise<Result>,
): Promise<Result> {
  const sink = await openSink(to)
  let result: Result
  try {
    result = await use(sink)
  } catch (error) {
    await sink.close().catch(() => {})
    throw error
  }
  await sink.close()
  return result
}

/**
 * Opens the file, or takes a duplicate of what is open; without the addon it is the caller's own descriptor. Nothing
 * in it is changed yet.
 *
 * @throws ERR_SLUICE_FILE where it cannot be opened, ERR_SLUICE_OPTION where `start` is given for what has no positions
 */
export async function openSink(sink: FileSink): Promise<OpenedSink> {
  const name = nameOf(sink.from)
  const { fd, close } = await openDescriptor(sink, name)
  try {
    const { mode, size, dev, ino } = await statDescriptor(fd, { bigint: true })
    const type = Number(mode) & fsConstants.S_IFMT
    if (type === fsConstants.S_IFDIR) throw writeError(-constants.errno.EISDIR, 'write', name)
    const regular = type === fsConstants.S_IFREG
    const appends = native === null ? sink.flags === 'a' : isAppending(native, fd)
    if (sink.start !== undefined && (appends || !regular)) {
      const obstacle = regular ? 'appends' : 'has no positions'
      const what = `start must not be given where the sink ${obstacle}: ${name}, start ${sink.start}`
      throw new SluiceError('ERR_SLUICE_OPTION', what)
    }
    const empties = regular && isGivenByName(sink) && (sink.flags ?? 'w') === 'w'
    const putBack = regular ? () => {} : unblock(fd)
    return {
      fd,
      name,
      regular,
      appends,
      identity: { dev, ino },
      async empty() {
        if (!empties || size === 0n) return Number(size)
        await asWriting(name, 'ftruncate', truncate(fd, 0))
        return 0
      },
      async extend(wanted) {
        const now = await asWriting(name, 'fstat', statDescriptor(fd))
        if (now.size < wanted) await asWriting(name, 'ftruncate', truncate(fd, wanted))
      },
      async close() {
        putBack()
        await asWriting(name, 'close', close())
      },
    }
  } catch (error) {
    await close()
    throw asWriteError(error, 'fstat', name)
  }
}

async function openDescriptor(
  { from, flags = 'w', mode = 0o666 }: FileSink,
  name: string,
): Promise<{ fd: number; close: () => Promise<void> }> {
  if (typeof from === 'string' || from instanceof Uint8Array || from instanceof URL) {
    const path = from instanceof URL ? pathOf(from) : from
    checkName(path, `Opening ${name}`)
    // A FIFO that nobody reads would hold a thread.
    const bits = flagBits[flags] | (fsConstants.O_NONBLOCK ?? 0) | (fsConstants.O_NOCTTY ?? 0)
    const handle = await asWriting(name, 'open', open(path as string, bits, mode))
    return { fd: handle.fd, close: () => handle.close() }
  }
  const fd = typeof from === 'number' ? from : from.fd
  if (fd < 0) throw new SluiceError('ERR_SLUICE_CLOSED', 'The FileHandle was closed before')
  if (native === null) return { fd, close: async () => {} }
  const own = native.dup(fd)
  if (own < 0) throw writeError(own, 'fcntl(F_DUPFD_CLOEXEC)', name)
  const closeOwn = closerOf(native, own)
  return { fd: own, close: async () => closeOwn() }
}

function isAppending(native: Native, fd: number): boolean {
  return (native.fcntl(fd, native.F_GETFL, 0) & native.O_APPEND) !== 0
}

async function asWriting<Value>(name: string, syscall: string, work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (error) {
    throw asWriteError(error, syscall, name)
  }
}

function asWriteError(error: unknown, syscall: string, name: string): SluiceError {
  if (error instanceof SluiceError) return error
  return writeError((error as NodeJS.ErrnoException).errno ?? 0, syscall, name, error)
}
