/**
 * Hot: an answer that does not leave in one send: its head, and text, bytes or ranges of a file by turns. Every call is
 * made at once and does not wait; the socket holds back what is not followed by the rest yet (MSG_MORE, send(2)).
 *
 * A file that was changed while it was being sent is noticed before its last piece goes out, and the answer breaks off:
 * the client must not take a mixture of two versions for the file.
 */
import { constants } from 'node:os'
import { MiB } from '../base/units.js'
import type { Opened } from '../http/opened.js'
import type { ByteRange } from '../http/range.js'
import type { Native } from '../native/calls.js'
import { isResident, noteResident, warm, wasResident } from '../transfer/residency.js'
import type { Arena } from './arena.js'
import type { SharedFile } from './shared-file.js'
import type { Stored } from './stored.js'

/** All was handed to the kernel. */
export const DONE = 0
/** The socket takes no more now. */
export const FULL = 1
/** There is more to do at once, after the others have had their turn. */
export const MORE = 2
/** A thread brings the next bytes into memory; `resume` is called. */
export const PARKED = 3
/** The file has changed: what went out is not to be completed. */
export const CHANGED = 4

/** What one step sends at most of a file; see the same in transfer/paths/sendfile.ts. */
const stepBytes = 1 * MiB
/** What sendText takes at once. */
const textBytesMax = 16 * 1024

const { EAGAIN, EINTR } = constants.errno

export type Piece =
  | { readonly text: string }
  | { readonly bytes: Uint8Array }
  /** The first bytes of what is in the server's memory. */
  | { readonly stored: Stored; readonly length: number }
  | { readonly range: ByteRange }

export interface OutgoingOptions {
  native: Native
  arena: Arena
  fd: number
  pieces: readonly Piece[]
  /** One use of it is taken over. */
  file: SharedFile | null
  /** Called after PARKED. */
  resume: () => void
}

export class Outgoing {
  readonly #native: Native
  readonly #arena: Arena
  readonly #fd: number
  readonly #pieces: readonly Piece[]
  readonly #file: SharedFile | null
  /** Bytes that were sent, and those among them that were copied from this process's memory. */
  sentBytes = 0
  copiedBytes = 0
  readonly #resume: () => void
  #index = 0
  /** How much of the present piece has gone. */
  #done = 0
  #checked = false
  #warming = false
  #closed = false

  constructor({ native, arena, fd, pieces, file, resume }: OutgoingOptions) {
    this.#native = native
    this.#arena = arena
    this.#fd = fd
    this.#pieces = pieces
    this.#file = file
    this.#resume = resume
    for (const piece of pieces) if ('stored' in piece) piece.stored.enter()
  }

  /** Sends what goes → one of the above, or -errno. */
  step(): number {
    if (this.#warming) return PARKED
    let budget = stepBytes
    while (this.#index < this.#pieces.length) {
      if (budget <= 0) return MORE
      const piece = this.#pieces[this.#index]!
      const more = this.#index + 1 < this.#pieces.length ? this.#native.MSG_MORE : 0
      const flags = this.#native.MSG_DONTWAIT | more
      let sent: number
      if ('text' in piece) sent = this.#sendText(piece.text, flags)
      else if ('bytes' in piece) sent = this.#sendBytes(piece.bytes, flags)
      else if ('stored' in piece) sent = this.#sendStored(piece.stored, piece.length, flags)
      else sent = this.#sendRange(piece.range, this.#file!.opened, Math.min(budget, stepBytes))
      if (sent === -EINTR) continue
      if (sent === -EAGAIN) return FULL
      if (sent === parked) return PARKED
      if (sent === changed) return CHANGED
      if (sent < 0) return sent
      budget -= sent
      this.sentBytes += sent
      if (!('range' in piece)) this.copiedBytes += sent
    }
    return DONE
  }

  /** Gives the file back, once no thread uses it. Doing so again does nothing. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const piece of this.#pieces) if ('stored' in piece) piece.stored.leave()
    if (!this.#warming) this.#file?.leave()
  }

  #sendText(text: string, flags: number): number {
    const rest = this.#done === 0 ? text : text.slice(this.#done)
    // What is longer than one call takes is followed by the rest.
    const more = rest.length > textBytesMax ? this.#native.MSG_MORE : 0
    return this.#advance(this.#native.sendText(this.#fd, rest, flags | more), text.length)
  }

  #sendBytes(bytes: Uint8Array, flags: number): number {
    return this.#advance(this.#native.send(this.#fd, bytes.subarray(this.#done), flags), bytes.length)
  }

  #sendStored(stored: Stored, length: number, flags: number): number {
    const { bytes } = this.#arena
    const at = stored.offset + this.#done
    return this.#advance(this.#native.sendRange(this.#fd, bytes, at, length - this.#done, flags), length)
  }

  #sendRange({ start, end }: ByteRange, file: Opened, budget: number): number {
    const offset = start + this.#done
    const count = Math.min(end + 1 - offset, budget)
    if (!this.#isResident(file, offset, count)) {
      this.#warm(file, offset, count)
      return parked
    }
    const last = offset + count === end + 1
    if (last && !this.#checked) {
      if (!file.unchanged()) return changed
      this.#checked = true
    }
    const sent = this.#native.sendfile(this.#fd, file.fd, offset, count)
    // The file has ended early: it has changed.
    if (sent === 0) return changed
    return this.#advance(sent, end - start + 1)
  }

  #isResident(file: Opened, offset: number, count: number): boolean {
    if (wasResident(file, offset, offset + count)) return true
    if (!isResident(this.#native, file.fd, offset, count)) return false
    noteResident(file, offset, offset + count)
    return true
  }

  #warm(file: Opened, offset: number, count: number): void {
    this.#warming = true
    warm(this.#native, file.fd, offset, count).then(() => {
      this.#warming = false
      if (this.#closed) return this.#file!.leave()
      noteResident(file, offset, offset + count)
      this.#resume()
    })
  }

  #advance(sent: number, total: number): number {
    if (sent <= 0) return sent
    this.#done += sent
    if (this.#done < total) return sent
    this.#done = 0
    this.#checked = false
    this.#index++
    return sent
  }
}

const parked = -0x20000
const changed = -0x20001
