/** Hot: a line for every answer: gathered in memory and written out when there are many, or a second has passed. */
import { writeSync } from 'node:fs'
import { KiB, MiB } from '../base/units.js'
import type { Native } from '../native/calls.js'
import { addressBytesMax, readInternetAddress } from '../native/socket-address.js'
import type { Clock } from './clock.js'
import { type Counters, LOG_LINES_LOST } from './counters.js'

/** So much is gathered before it is written, */
const gatheredBytesMax = 64 * KiB
/** and so much is kept where whoever reads the log is slow: what comes then is lost, as clients must not wait for it. */
const keptBytesMax = 1 * MiB
/** A write of no more is never torn by another thread's (PIPE_BUF, pipe(7)). */
const wholeBytes = 4096

const newline = 0x0a
const unprintable = /[^\x20-\x7e]|["\\]/
const everyUnprintable = new RegExp(unprintable, 'g')

export interface LogEntry {
  /** The request's first line. */
  readonly request: string
  readonly status: number
  /** Of the body. */
  readonly bytes: number
  /** How the body went: from memory, by sendfile, or - where there was none of either. */
  readonly path: 'memory' | 'sendfile' | '-'
  readonly beganMs: number
  /** How the answer ended, where not well. */
  readonly end: string | null
}

export class AccessLog {
  readonly #native: Native
  readonly #clock: Clock
  readonly #fd: number
  #text = ''
  #second = 0
  #timestamp = ''
  readonly #address = new Uint8Array(addressBytesMax)
  readonly #counters: Counters
  /** Whoever reads the log is slow: the next turn tries again. */
  #full = false

  constructor(native: Native, clock: Clock, counters: Counters, fd: number) {
    this.#native = native
    this.#counters = counters
    this.#clock = clock
    this.#fd = fd
  }

  /** Who asked; before anything is answered, as the other end may be gone after it. */
  addressOf(fd: number): string {
    const length = this.#native.peerAddress(fd, this.#address)
    return (length < 0 ? null : readInternetAddress(this.#native, this.#address))?.address ?? '-'
  }

  /** As the common log format has it, then the path and the duration in milliseconds. */
  add(address: string, { request, status, bytes, path, beganMs, end }: LogEntry): void {
    if (this.#text.length >= keptBytesMax) {
      this.#counters[LOG_LINES_LOST]! += 1
      return
    }
    const ms = this.#clock.nowMs - beganMs
    const ending = end === null ? '' : ` ${end}`
    this.#text += `${address} - - [${this.#time()}] "${printable(request)}" ${status} ${bytes} ${path} ${ms}ms${ending}\n`
    if (this.#text.length >= gatheredBytesMax && !this.#full) this.flush()
  }

  /** Writes what was gathered, as far as whoever reads it takes it. */
  flush(): void {
    if (this.#text === '') return
    const bytes = Buffer.from(this.#text, 'latin1')
    this.#text = ''
    this.#full = false
    let done = 0
    try {
      while (done < bytes.length) done += writeSync(this.#fd, bytes, done, wholeLines(bytes, done) - done)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        this.#text = bytes.toString('latin1', done)
        this.#full = true
      } else this.#counters[LOG_LINES_LOST]! += linesFrom(bytes, done)
    }
  }

  /** As in 20/Nov/2026:11:36:00 +0000. */
  #time(): string {
    const { second, dateText } = this.#clock
    if (second !== this.#second) {
      this.#second = second
      // Of `Fri, 20 Nov 2026 11:36:00 GMT`.
      const [, day, month, year, time] = dateText.split(' ') as [string, string, string, string, string]
      this.#timestamp = `${day}/${month}/${year}:${time} +0000`
    }
    return this.#timestamp
  }
}

/** Where the lines end that fit one write, from `start` on; a line that is longer goes alone. */
function wholeLines(bytes: Buffer, start: number): number {
  if (bytes.length - start <= wholeBytes) return bytes.length
  const end = bytes.lastIndexOf(newline, start + wholeBytes - 1) + 1
  return end > start ? end : bytes.indexOf(newline, start) + 1
}

function linesFrom(bytes: Buffer, start: number): number {
  let lines = 0
  for (let at = bytes.indexOf(newline, start); at !== -1; at = bytes.indexOf(newline, at + 1)) lines++
  return lines
}

/** What a client sent must not move the cursor, begin a line or end the quotes. */
function printable(text: string): string {
  if (!unprintable.test(text)) return text
  return text.replace(
    everyUnprintable,
    character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
