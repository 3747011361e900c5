/** What a try works with, and what it need not clean up: everything made here goes when the try ends. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dispose } from '../base/dispose.js'
import type { Native } from '../native/calls.js'
import { attempt, isRefusal, mustWait, Refusal } from './refusal.js'
import type { Surroundings } from './surroundings.js'

export interface Pipe {
  readonly output: number
  readonly input: number
}

export interface Connection {
  readonly sender: number
  readonly receiver: number
}

const loopback = 0x7f000001
/** What travels over loopback is there at once, or something is in its way. */
const arrivalMs = 1000
const pollMs = 1

export class Workbench {
  readonly native: Native
  readonly around: Surroundings
  /** In the order of making. */
  readonly #undo: (() => void)[] = []

  constructor(native: Native, around: Surroundings) {
    this.native = native
    this.around = around
  }

  [dispose](): void {
    for (const undo of this.#undo.reverse()) undo()
    this.#undo.length = 0
  }

  /** Is done when the try ends, what came last first. */
  atEnd(undo: () => void): void {
    this.#undo.push(undo)
  }

  /** A descriptor that the call made, closed at the end. @throws Refusal */
  own(syscall: string, fd: number): number {
    attempt(syscall, fd)
    this.#undo.push(() => closeSync(fd))
    return fd
  }

  /** A file of anonymous memory that holds the bytes. @throws Refusal */
  memfd(bytes: Uint8Array): number {
    const { native } = this
    const fd = this.own('memfd_create', this.createMemfd(0))
    attempt('ftruncate', native.ftruncate(fd, bytes.length))
    writeSync(fd, bytes)
    return fd
  }

  /** An empty one, which the caller owns, or -errno. Some machines insist on MFD_NOEXEC_SEAL, older ones refuse it. */
  createMemfd(flags: number): number {
    const { native } = this
    const wanted = native.MFD_CLOEXEC | native.MFD_ALLOW_SEALING | flags
    const fd = native.memfdCreate('sluice-doctor', wanted | native.MFD_NOEXEC_SEAL)
    return fd === -constants.errno.EINVAL ? native.memfdCreate('sluice-doctor', wanted) : fd
  }

  /** A file on the temporary directory's filesystem that has no name any more. @throws Refusal */
  temporaryFile(bytes: Uint8Array): number {
    let directory: string | null = null
    try {
      directory = mkdtempSync(join(tmpdir(), 'sluice-doctor-'))
      const fd = this.own('open', openSync(join(directory, 'file'), 'w+'))
      writeSync(fd, bytes)
      return fd
    } catch (error) {
      throw isRefusal(error) ? new Refusal(error.syscall, error.errno) : error
    } finally {
      if (directory !== null) rmSync(directory, { recursive: true })
    }
  }

  /** @throws Refusal */
  pipe(): Pipe {
    const { native } = this
    const ends = new Int32Array(2)
    attempt('pipe2', native.pipe2(ends, native.O_NONBLOCK | native.O_CLOEXEC))
    return { output: this.own('pipe2', ends[0]!), input: this.own('pipe2', ends[1]!) }
  }

  /** Two ends of a TCP connection over loopback. @throws Refusal */
  async connectTcp(): Promise<Connection> {
    const { native } = this
    const type = native.SOCK_STREAM | native.SOCK_NONBLOCK | native.SOCK_CLOEXEC
    const listener = this.own('socket', native.socket(native.AF_INET, type, 0))
    attempt('bind', native.bindIpv4(listener, loopback, 0))
    attempt('listen', native.listen(listener, 1))
    const sender = this.own('socket', native.socket(native.AF_INET, type, 0))
    const connected = native.connectIpv4(sender, loopback, attempt('getsockname', native.localPort(listener)))
    if (connected !== -constants.errno.EINPROGRESS) attempt('connect', connected)
    const accept = (): number => native.accept4(listener, native.SOCK_NONBLOCK | native.SOCK_CLOEXEC)
    return { sender, receiver: this.own('accept4', await this.until('connect', accept)) }
  }

  /** Two Unix sockets that are connected to each other. @throws Refusal */
  connectUnix(): Connection {
    const { native } = this
    const ends = new Int32Array(2)
    const type = native.SOCK_STREAM | native.SOCK_NONBLOCK | native.SOCK_CLOEXEC
    attempt('socketpair', native.socketpair(native.AF_UNIX, type, ends))
    return { sender: this.own('socketpair', ends[0]!), receiver: this.own('socketpair', ends[1]!) }
  }

  /** A descriptor's bytes as memory, unmapped at the end. @throws Refusal */
  map(fd: number, offset: number, length: number, protection: number): Uint8Array {
    const { native } = this
    const mapped = native.mapShared(fd, offset, length, protection, 0)
    if (typeof mapped === 'number') throw new Refusal('mmap', mapped)
    this.#undo.push(() => native.unmap(mapped))
    return new Uint8Array(mapped)
  }

  /** Bytes that have arrived, exactly as many as asked for. @throws Refusal, with ETIMEDOUT where they do not come */
  async receive(fd: number, length: number): Promise<Uint8Array> {
    const { native } = this
    const bytes = new Uint8Array(length)
    let received = 0
    while (received < length) {
      const count = await this.until('recv', () =>
        native.recv(fd, bytes.subarray(received), native.MSG_DONTWAIT),
      )
      if (count === 0) throw new Refusal('recv', -constants.errno.ECONNRESET)
      received += count
    }
    return bytes
  }

  /** Calls until it does not have to wait, for a second at most. @throws Refusal, with ETIMEDOUT in the end */
  async until(syscall: string, call: () => number): Promise<number> {
    const deadline = performance.now() + arrivalMs
    for (;;) {
      const value = call()
      if (!mustWait(value)) return attempt(syscall, value)
      if (performance.now() > deadline) throw new Refusal(syscall, -constants.errno.ETIMEDOUT)
      await sleep(pollMs)
    }
  }
}
