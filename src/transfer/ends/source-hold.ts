/**
 * Exclusive use of a descriptor for reading. Around Node's stream: Node stops reading, what it had read before is
 * handed over, and reading is given back at the end, so that Node finds the end of the stream itself.
 */
import type { Socket } from 'node:net'
import { type SluiceError, systemError } from '../../base/errors.js'
import type { Native } from '../../native/calls.js'
import { closerOf } from '../../native/own.js'
import { endErrorOf } from './end-error.js'
import { HeldSocket, handleOf } from './held-socket.js'
import { unblockShared } from './non-blocking.js'

/** What bytes are taken from, by whatever path. */
export interface HeldSource {
  readonly fd: number
  /** Whether the descriptor is still the source's. */
  readonly open: boolean
  /** What Node had read already, which comes before all that the descriptor has; null where there is nothing. */
  readonly early: Buffer | null
  /** Whether Node has found the end already: nothing comes but the early bytes, and the descriptor is not used. */
  readonly ended: boolean
  /** What it has truly ended with, where Node took that for the end: it counts when the early bytes have gone. */
  readonly endError: SluiceError | null
  /** Why it is not open any more. */
  whyClosed(): SluiceError
  /** Calls back when the source is closed on this side. */
  onClose(callback: () => void): void
  /** Bytes arrived: an idle timeout starts anew. */
  touch(): void
  /** `takenBytes`: how many of the early bytes were delivered, all if not given; the rest goes back to the stream. */
  release(takenBytes?: number): void
}

/** The part of Node's streams that has no public name: whether the end was read, though not yet told. */
interface StreamInternals {
  readonly _readableState: { readonly ended: boolean }
}

/** A connected socket, held for reading. */
export class SourceHold extends HeldSocket implements HeldSource {
  readonly early: Buffer | null
  readonly ended: boolean
  readonly endError: SluiceError | null
  /** Whether what arrives went to whoever listens. */
  readonly #flowed: boolean
  #released = false

  constructor(socket: Socket) {
    super(socket)
    this.#flowed = socket.readableFlowing === true
    socket.pause()
    this.early = readAll(socket)
    this.ended = (socket as unknown as StreamInternals)._readableState.ended
    this.endError = this.ended ? endErrorOf(socket) : null
    // Reading what is there asks Node for more; this takes it back before the loop gets to it.
    this.#setReading(false)
  }

  override release(takenBytes = Number.POSITIVE_INFINITY): void {
    super.release()
    if (this.#released || !this.open) return
    this.#released = true
    if (this.early !== null && takenBytes < this.early.length && !this.socket.readableEnded)
      this.socket.unshift(this.early.subarray(takenBytes))
    // The stream may believe that it reads already, and would not ask for it.
    this.#setReading(true)
    if (this.#flowed) this.socket.resume()
  }

  #setReading(on: boolean): void {
    const handle = handleOf(this.socket)
    if (handle === null || this.ended) return
    handle.reading = on
    if (on) handle.readStart?.()
    else handle.readStop?.()
  }
}

/** Everything that Node has read: from Node 26 on `read()` gives one chunk at a time. */
function readAll(socket: Socket): Buffer | null {
  const chunks: Buffer[] = []
  let chunk = socket.read() as Buffer | null
  while (chunk !== null) {
    chunks.push(chunk)
    // Not once too often: reading from an empty stream asks for more.
    chunk = socket.readableLength > 0 ? (socket.read() as Buffer | null) : null
  }
  return chunks.length > 1 ? Buffer.concat(chunks) : (chunks[0] ?? null)
}

/** A descriptor, held for reading by a duplicate: the caller may close its own at any time. */
export class DescriptorSource implements HeldSource {
  readonly fd: number
  readonly open = true
  readonly early = null
  readonly ended = false
  readonly endError = null
  readonly #putBack: () => void
  readonly #close: () => void

  /** @throws ERR_SLUICE_SYSCALL, ERR_SLUICE_DESCRIPTORS where it cannot be duplicated */
  constructor(native: Native, fd: number) {
    this.fd = native.dup(fd)
    if (this.fd < 0)
      throw systemError(this.fd, 'fcntl(F_DUPFD_CLOEXEC)', `Using descriptor ${fd} as a source`)
    this.#close = closerOf(native, this.fd)
    this.#putBack = unblockShared(native, this.fd)
  }

  whyClosed(): never {
    throw new Error('a duplicate is not closed while it is held')
  }

  onClose(): void {}

  touch(): void {}

  release(): void {
    this.#putBack()
    this.#close()
  }
}
