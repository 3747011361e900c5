/**
 * Where a region's bytes live: in a memfd that is mapped into the process, or in plain memory where the
 * machine does not allow that.
 *
 * A memfd is sealed against shrinking and growing, and all of its pages are allocated before anybody sees it:
 * a page that is missing when it is touched raises SIGBUS, which ends the process; fallocate(2) says so.
 */
import { constants as bufferConstants } from 'node:buffer'
import { fstatSync } from 'node:fs'
import { constants, freemem } from 'node:os'
import { errnoName, SluiceError, systemError } from '../base/errors.js'
import { MiB } from '../base/units.js'
import type { Native } from '../native/calls.js'
import { addonMissing, native } from '../native/load.js'
import { detach } from './detach.js'

export interface BackingRequest {
  bytes: number
  hugePages: 'no' | 'try' | 'require'
  seal: 'size' | 'future-write'
  name: string
}

export interface Backing {
  readonly buffer: ArrayBuffer
  readonly pageBytes: number
  readonly fd: number | null
  /** Why there is no descriptor, as a clause that can follow a colon; empty where there is one. */
  readonly fdMissing: string
  readonly hugePages: boolean
  /** Why pages are not huge although they were asked for; empty otherwise. */
  readonly hugePagesMissing: string
  /** Why the pages cannot be replaced, as a clause; empty where they can. */
  readonly pagesKeptBecause: string
  /** Puts fresh pages, zeros, in the place of whole ones → 0, or -errno: then some may be missing. */
  replace(offset: number, length: number): number
  /** Detaches the buffer, then lets the memory and the descriptor go. */
  close(): void
}

/** A system call that said no. */
interface Refusal {
  syscall: string
  errno: number
}

/** The machine's ordinary page, in bytes. */
export const pageBytes = native?.PAGE_BYTES ?? 4096

/** The largest region: what one ArrayBuffer of this Node can hold, in bytes. */
export const regionBytesMax = bufferConstants.MAX_LENGTH

const { EACCES, EFBIG, EINTR, EINVAL, EMFILE, ENFILE, ENOMEM, ENOSPC, ENOSYS, EOPNOTSUPP, EPERM } =
  constants.errno
/** What a sandbox or a runtime answers that forbids the means as such: plain memory does instead. */
const forbidden = [-EACCES, -ENOSYS, -EOPNOTSUPP, -EPERM]
const memoryShort = [-ENOMEM, -ENOSPC]
/** A signal makes fallocate(2) start again: pieces bound what is done twice. */
const allocationBytes = 64 * MiB

/**
 * @throws ERR_SLUICE_MEMORY; ERR_SLUICE_DESCRIPTORS; ERR_SLUICE_ADDON where huge pages are required without
 *   an addon; ERR_SLUICE_SYSCALL
 */
export function openBacking(request: BackingRequest): Backing {
  const huge = request.hugePages === 'no' ? '' : openHuge(request)
  if (typeof huge !== 'string') return huge
  const hugePagesMissing = huge
  checkAvailable(request.bytes, Math.min(process.constrainedMemory() || Infinity, freemem()))
  if (native === null) return openPlain(request, addonMissing, hugePagesMissing)
  const shared = openShared(native, request, false)
  if ('buffer' in shared) {
    // The next best thing: the kernel may gather ordinary pages into huge ones later, where it is set up to.
    if (hugePagesMissing !== '')
      native.madvise(shared.buffer, 0, shared.buffer.byteLength, native.MADV_HUGEPAGE)
    return { ...shared, hugePagesMissing }
  }
  if (forbidden.includes(shared.errno)) return openPlain(request, reason(shared), hugePagesMissing)
  throw refused(shared, `A region of ${request.bytes} bytes`)
}

/**
 * Refuses what is not there to be had. Without the question a container's limit would be met by the kernel
 * ending the process, not by an error.
 */
export function checkAvailable(bytes: number, availableBytes: number): void {
  if (bytes <= availableBytes) return
  throw new SluiceError(
    'ERR_SLUICE_MEMORY',
    `A region of ${bytes} bytes is more than the ${availableBytes} bytes of memory that are available`,
  )
}

/** A backing of huge pages, or why there is none where it is not required. */
function openHuge(request: BackingRequest): Backing | string {
  const what = `A region of ${request.bytes} bytes in huge pages`
  if (native === null) {
    if (request.hugePages === 'require') throw new SluiceError('ERR_SLUICE_ADDON', `${what}: ${addonMissing}`)
    return addonMissing
  }
  const huge = openShared(native, request, true)
  if ('buffer' in huge) return huge
  if (request.hugePages === 'try') return reason(huge)
  if ([-EMFILE, -ENFILE, -EFBIG].includes(huge.errno)) throw refused(huge, what)
  throw new SluiceError('ERR_SLUICE_MEMORY', `${what}: ${reason(huge)}`, {
    ...huge,
    remedy: "Reserve huge pages (`sysctl vm.nr_hugepages=…`, in pages), or ask with hugePages: 'try'.",
  })
}

function openShared(
  native: Native,
  { bytes, seal, name }: BackingRequest,
  hugePages: boolean,
): Backing | Refusal {
  const fd = createMemfd(native, name, hugePages ? native.MFD_HUGETLB : 0)
  if (fd < 0) return { syscall: 'memfd_create', errno: fd }
  const owner = native.ownDescriptor(fd)
  if (typeof owner === 'number') return { syscall: 'memfd_create', errno: owner }
  const refuse = (syscall: string, errno: number): Refusal => {
    native.closeOwned(owner)
    return { syscall, errno }
  }
  const unit = hugePages ? fstatSync(fd).blksize : pageBytes
  const byteLength = roundUp(bytes, unit)
  let errno = native.ftruncate(fd, byteLength)
  if (errno < 0) return refuse('ftruncate', errno)
  errno = allocate(native, fd, 0, byteLength)
  if (errno < 0) return refuse('fallocate', errno)
  const buffer = native.mapShared(
    fd,
    0,
    byteLength,
    native.PROT_READ | native.PROT_WRITE,
    native.MAP_POPULATE,
  )
  if (typeof buffer === 'number') return refuse('mmap', buffer)
  const seals = native.F_SEAL_SHRINK | native.F_SEAL_GROW | native.F_SEAL_SEAL
  errno = native.addSeals(fd, seal === 'size' ? seals : seals | native.F_SEAL_FUTURE_WRITE)
  if (errno < 0) {
    native.unmap(buffer)
    return refuse('fcntl(F_ADD_SEALS)', errno)
  }
  return {
    buffer,
    pageBytes: unit,
    fd,
    fdMissing: '',
    hugePages,
    hugePagesMissing: '',
    pagesKeptBecause: hugePages ? 'the pages are huge' : punchingRefused(native, fd, byteLength),
    replace: (offset, length) => {
      const punched = native.punchHole(fd, offset, length)
      return punched < 0 ? punched : allocate(native, fd, offset, length)
    },
    close: () => {
      native.unmap(buffer)
      native.closeOwned(owner)
    },
  }
}

function createMemfd(native: Native, name: string, kind: number): number {
  const flags = native.MFD_CLOEXEC | native.MFD_ALLOW_SEALING | kind
  const fd = native.memfdCreate(name, flags | native.MFD_NOEXEC_SEAL)
  // Some machines insist on MFD_NOEXEC_SEAL (sysctl vm.memfd_noexec); before Linux 6.3 it is unknown.
  return fd === -EINVAL ? native.memfdCreate(name, flags) : fd
}

/** Tried where it has no effect, beyond the end. A seal forbids it, or a sandbox. */
function punchingRefused(native: Native, fd: number, byteLength: number): string {
  const errno = native.punchHole(fd, byteLength, pageBytes)
  return errno === 0 ? '' : `fallocate(FALLOC_FL_PUNCH_HOLE) is refused (${errnoName(errno)})`
}

function allocate(native: Native, fd: number, start: number, length: number): number {
  let offset = start
  while (offset < start + length) {
    const bytes = Math.min(allocationBytes, start + length - offset)
    const errno = native.fallocate(fd, offset, bytes)
    if (errno === 0) offset += bytes
    else if (errno !== -EINTR) return errno
  }
  return 0
}

function openPlain({ bytes }: BackingRequest, fdMissing: string, hugePagesMissing: string): Backing {
  const buffer = new ArrayBuffer(roundUp(bytes, pageBytes))
  const close = (): void => detach(buffer)
  return {
    buffer,
    pageBytes,
    fd: null,
    fdMissing,
    hugePages: false,
    hugePagesMissing,
    pagesKeptBecause: `there is no descriptor: ${fdMissing}`,
    replace: () => -ENOSYS,
    close,
  }
}

function refused(refusal: Refusal, what: string): SluiceError {
  const { syscall, errno } = refusal
  if (errno === -EFBIG) {
    const remedy = 'Ask for less, or raise the limit on the size of files (`ulimit -f`): this memory is one.'
    return new SluiceError('ERR_SLUICE_MEMORY', `${what}: ${reason(refusal)}`, { ...refusal, remedy })
  }
  if (!memoryShort.includes(errno)) return systemError(errno, syscall, what)
  return new SluiceError('ERR_SLUICE_MEMORY', `${what}: ${reason(refusal)}`, refusal)
}

function reason({ syscall, errno }: Refusal): string {
  return `${syscall} failed with ${errnoName(errno)}`
}

/** The next multiple of `unit`. */
export function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit
}
