/**
 * Names resolved by looking where they ended: for systems without openat2, and for links that openat2 refuses
 * though they end inside. A file is opened first and asked afterwards where it is, by its descriptor, so nothing
 * can be put in its place between the check and the use.
 *
 * With /proc a file is first held without being opened, so a FIFO or device is not touched, and neither is a file
 * outside. Without it (macOS) the file is opened without waiting, and its real name must be inside and name it.
 */
import { readlinkSync, realpath, stat } from 'node:fs'
import { constants } from 'node:os'
import { promisify } from 'node:util'
import { toSystemName } from './byte-name.js'
import { errnoOf, O_PATH, Opened, openDescriptor, type Purpose, readOnly } from './opened.js'
import { type Found, nameBytesMax, type Opener } from './opener.js'

const { ENAMETOOLONG, EXDEV } = constants.errno
const statAsync = promisify(stat)
const realpathAsync = promisify(realpath.native) as (
  path: string | Buffer,
  encoding: string,
) => Promise<string>

export interface CheckedOpenerOptions {
  /** The directory that names start from, its real path a byte string; null for the working directory, and then nothing confines them. */
  directory: { readonly fd: number; readonly path: string } | null
  /** Whether links may lead anywhere. */
  follow: boolean
  /** Whether descriptors have names in /proc. */
  proc: boolean
}

export class CheckedOpener implements Opener {
  readonly #directory: CheckedOpenerOptions['directory']
  readonly #confined: boolean
  readonly #proc: boolean

  constructor({ directory, follow, proc }: CheckedOpenerOptions) {
    this.#directory = directory
    this.#confined = directory !== null && !follow
    this.#proc = proc
  }

  async open(name: string, purpose: Purpose): Promise<Found> {
    if (name.length > nameBytesMax) return -ENAMETOOLONG
    try {
      return this.#proc ? await this.#openByHolding(name, purpose) : await this.#openByName(name)
    } catch (error) {
      return errnoOf(error)
    }
  }

  async #openByHolding(name: string, purpose: Purpose): Promise<Found> {
    const fd = await openDescriptor(this.#path(name), O_PATH)
    if (fd < 0) return fd
    const held = Opened.from(fd, 'look')
    if (typeof held === 'number') return held
    let result = this.#confined && !this.#contains(locationOf(held.fd)) ? -EXDEV : 0
    if (result === 0 && purpose === 'read') result = held.openBody()
    if (result === 0) return held
    held.close()
    return result
  }

  async #openByName(name: string): Promise<Found> {
    const path = this.#path(name)
    const fd = await openDescriptor(path, readOnly)
    if (fd < 0) return fd
    const opened = Opened.from(fd, 'read')
    if (typeof opened === 'number' || !this.#confined) return opened
    try {
      const real = await realpathAsync(path, 'latin1')
      const { ino, dev } = await statAsync(toSystemName(real))
      if (ino === opened.inode && dev === opened.device && this.#contains(real)) return opened
    } catch (error) {
      opened.close()
      throw error
    }
    opened.close()
    return -EXDEV
  }

  #path(name: string): string | Buffer {
    if (this.#directory === null) return toSystemName(name)
    const start = this.#proc ? `/proc/self/fd/${this.#directory.fd}` : this.#directory.path
    return toSystemName(`${start}/${name}`)
  }

  /** Whether a location, a byte string, is the directory or below it, wherever the directory is by now. */
  #contains(location: string): boolean {
    const { fd, path } = this.#directory!
    const top = this.#proc ? locationOf(fd) : path
    return location === top || location.startsWith(top === '/' ? top : `${top}/`)
  }
}

/** Where the kernel says that a descriptor's file is (proc(5)); an error where it is nowhere any more. */
function locationOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`, 'latin1')
}
