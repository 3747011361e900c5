/**
 * Hot: names resolved by the kernel, openat2(2) (Linux 5.6). RESOLVE_BENEATH holds for every step of the way, links
 * included, so that no name leaves the directory, whatever moves meanwhile; magic links, which jump, are not followed.
 *
 * A link to an absolute name, or one that leaves the directory and comes back, is refused by the kernel even if it
 * ends inside. Such a name is opened once more by the checked opener, which looks at where it ended.
 */
import { constants } from 'node:os'
import type { Native } from '../native/calls.js'
import { AT_FDCWD, readFlags } from '../native/open.js'
import { toSystemName } from './byte-name.js'
import { closeDescriptor, Opened, type Purpose } from './opened.js'
import { type Found, nameBytesMax, type Opener } from './opener.js'

const { EAGAIN, EINVAL, ENAMETOOLONG, EXDEV } = constants.errno

/** How often a lookup is tried again that was disturbed by a rename (EAGAIN of openat2 without RESOLVE_CACHED). */
const attemptsMax = 8

export interface KernelOpenerOptions {
  calls: Native
  /** The directory that names start from; the working directory if null, and then nothing confines them. */
  directory: number | null
  /** Whether links may lead anywhere. */
  follow: boolean
  /** Whether descriptors have names in /proc, by which what was only looked at can be opened. */
  proc: boolean
  /** Opens what ends inside after having been outside. */
  checked: Opener
}

export class KernelOpener implements Opener {
  readonly #calls: Native
  readonly #directory: number
  readonly #resolve: number
  readonly #cached: number
  readonly #checked: Opener | null
  readonly #canLook: boolean

  private constructor(options: KernelOpenerOptions, resolve: number, cached: number) {
    const { calls, directory, follow, proc, checked } = options
    this.#calls = calls
    this.#directory = directory ?? AT_FDCWD
    this.#resolve = resolve
    this.#cached = cached
    this.#checked = follow ? null : checked
    this.#canLook = proc
  }

  /** Null where this kernel, or a sandbox around this process, does not let openat2 do it. */
  static create(options: KernelOpenerOptions): KernelOpener | null {
    const { calls, directory, follow } = options
    const magic = directory === null ? 0 : calls.RESOLVE_NO_MAGICLINKS
    const resolve = magic | (directory === null || follow ? 0 : calls.RESOLVE_BENEATH)
    // RESOLVE_CACHED came with Linux 5.12; without it every lookup is one for a thread.
    for (const cached of [calls.RESOLVE_CACHED, 0]) {
      const result = calls.openat2(
        directory ?? AT_FDCWD,
        '.',
        calls.O_PATH | calls.O_CLOEXEC,
        resolve | cached,
      )
      if (result >= 0) closeDescriptor(result)
      if (result >= 0 || result === -EAGAIN) return new KernelOpener(options, resolve, cached)
      if (result !== -EINVAL) return null
    }
    return null
  }

  open(name: string, purpose: Purpose): Found | Promise<Found> {
    if (name.length > nameBytesMax) return -ENAMETOOLONG
    if (!this.#canLook) purpose = 'read'
    const systemName = name === '' ? '.' : toSystemName(name)
    if (this.#cached === 0) return this.#openWaiting(name, systemName, purpose)
    const result = this.#calls.openat2(
      this.#directory,
      systemName,
      this.#flags(purpose),
      this.#resolve | this.#cached,
    )
    if (result === -EAGAIN) return this.#openWaiting(name, systemName, purpose)
    return this.#found(result, name, purpose)
  }

  async #openWaiting(name: string, systemName: string | Buffer, purpose: Purpose): Promise<Found> {
    let result = -EAGAIN
    for (let attempt = 0; result === -EAGAIN && attempt < attemptsMax; attempt++) {
      result = await this.#calls.openat2Offload(
        this.#directory,
        systemName,
        this.#flags(purpose),
        this.#resolve,
      )
    }
    return this.#found(result, name, purpose)
  }

  #found(result: number, name: string, purpose: Purpose): Found | Promise<Found> {
    if (result >= 0) return Opened.from(result, purpose)
    return result === -EXDEV && this.#checked !== null ? this.#checked.open(name, purpose) : result
  }

  #flags(purpose: Purpose): number {
    return purpose === 'look' ? this.#calls.O_PATH | this.#calls.O_CLOEXEC : readFlags
  }
}
