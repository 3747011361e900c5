/** A file's bytes where the kernel has them anyway, in its page cache: nothing is read before it is touched. */
import { dispose } from '../base/dispose.js'
import { SluiceError } from '../base/errors.js'
import { checkInteger } from '../base/options.js'
import { type FileBytes, openFileBytes } from './file-bytes.js'
import type { MappableFile } from './mappable.js'

/** Which bytes, as `fs.createReadStream` names them: both ends included. */
export interface MapFileOptions {
  /** The first byte; 0 if not given. */
  start?: number | undefined
  /** The last byte, included; the file's last if not given. */
  end?: number | undefined
}

/**
 * Maps a regular file, whole or from byte `start` to byte `end`: by name, `FileHandle` or descriptor, which stays
 * open and is not needed any more. Opening by name is synchronous. Up to 4096 files are mapped at once.
 *
 * @throws ERR_SLUICE_OPTION; ERR_SLUICE_FILE where it cannot be opened or is no regular file; ERR_SLUICE_RANGE where it
 *   has not these bytes; ERR_SLUICE_MEMORY where they do not fit one ArrayBuffer, or too many files are mapped;
 *   ERR_SLUICE_DESCRIPTORS; ERR_SLUICE_ADDON where they cannot be mapped and are too many to copy (64 MiB)
 */
export function mapFile(file: MappableFile, { start, end }: MapFileOptions = {}): MappedFile {
  if (start !== undefined) checkInteger('start', start, { min: 0 })
  if (end !== undefined) checkInteger('end', end, { min: start ?? 0 })
  return new MappedFile(openFileBytes(file, start ?? 0, end))
}

/**
 * A range of a file as bytes (mmap(2), MAP_PRIVATE). For reading: what is written to `bytes` stays in this process and
 * never reaches the file, nor is it sent from `fd`.
 *
 * Somebody else may truncate the file meanwhile. Then the bytes that are gone read as zeros, from the first page that
 * was found missing to the end and for good, even if the file grows again. `truncated` and check() tell: ask after
 * reading, before what was read is used. A system call that is handed missing bytes fails with EFAULT.
 *
 * The bytes come from the disk when they are touched, and the thread waits for them meanwhile. Where files cannot be
 * mapped (no addon, or a filesystem or runtime that cannot), the bytes are a copy, made by mapFile: `fd` is null and
 * `fdMissing` says why. A mapping that is not closed goes when it is collected, or when its worker thread ends.
 */
export class MappedFile {
  /** The size of the range, in bytes. */
  readonly byteLength: number
  /** Where the range begins in the file, in bytes. */
  readonly start: number
  /** Why the bytes are a copy without a descriptor, as a clause that can follow a colon; empty otherwise. */
  readonly fdMissing: string
  readonly #source: FileBytes
  #pins = 0
  #closed = false
  /** The memory is gone too. */
  #gone = false
  #truncated = false

  /** Made by mapFile(). */
  constructor(source: FileBytes) {
    this.#source = source
    this.byteLength = source.bytes.length
    this.start = source.start
    this.fdMissing = source.fdMissing
  }

  /**
   * The range. `bytes.buffer` may begin before it, at a page boundary.
   *
   * @throws ERR_SLUICE_CLOSED; views taken before have length 0 after close(), or once nothing pins the memory then
   */
  get bytes(): Uint8Array {
    this.#checkOpen('bytes')
    return this.#source.bytes
  }

  /**
   * The file, open for as long as the mapping is; the range begins at `start` in it. Null where the bytes are a copy.
   *
   * @throws ERR_SLUICE_CLOSED
   */
  get fd(): number | null {
    this.#checkOpen('fd')
    return this.#source.fd
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * Whether bytes of the range were missing, when they were touched or now; some 2 µs. Stays true, also after close().
   * A file that was truncated and has grown again, unread in between, is not told from one that was written to.
   */
  get truncated(): boolean {
    if (!this.#truncated && !this.#gone) this.#truncated = this.#source.truncated()
    return this.#truncated
  }

  /** @throws ERR_SLUICE_MAPPING_TRUNCATED where `truncated` is true: what was read may be zeros instead of the file */
  check(): void {
    if (!this.truncated) return
    const last = this.start + this.byteLength - 1
    throw new SluiceError(
      'ERR_SLUICE_MAPPING_TRUNCATED',
      `${this.#source.name} lost some of its mapped bytes ${this.start} to ${last}`,
    )
  }

  /**
   * Keeps the memory where it is until unpin(), also after close(): somebody other than the program uses it, such as a
   * transfer, whose system calls may run on another thread. Pins are counted.
   *
   * @throws ERR_SLUICE_CLOSED
   */
  pin(): void {
    this.#checkOpen('pin()')
    this.#pins++
  }

  /** Ends one pin(). */
  unpin(): void {
    if (this.#pins === 0) throw new Error('unpin() without pin()')
    this.#pins--
    if (this.#pins === 0 && this.#closed) this.#letGo()
  }

  /**
   * No more use from now on. The memory and the descriptor go at once, or as soon as nothing pins them any more, such
   * as a transfer. The ArrayBuffer is detached first, so that an old view has length 0. What works on the bytes in
   * another thread without pinning them (such as `zlib.deflate`) must have ended. Calling it again does nothing.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#pins === 0) this.#letGo()
  }

  [dispose](): void {
    this.close()
  }

  #letGo(): void {
    this.#truncated = this.truncated
    this.#gone = true
    this.#source.close()
  }

  #checkOpen(what: string): void {
    if (!this.#closed) return
    throw new SluiceError(
      'ERR_SLUICE_CLOSED',
      `The mapping of ${this.#source.name} was closed before ${what} was used`,
    )
  }
}
