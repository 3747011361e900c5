/** A directory that is held open, and every name resolved below it. */
import { closeSync, existsSync, constants as fsConstants, fstatSync, openSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import { dispose } from '../base/dispose.js'
import { systemError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import { native } from '../native/load.js'
import { toByteName } from './byte-name.js'
import { CheckedOpener } from './checked-opener.js'
import { KernelOpener } from './kernel-opener.js'
import { errnoOf, O_PATH, type Opened, type Purpose } from './opened.js'
import type { Found, Opener } from './opener.js'

export interface RootOptions {
  /** Whether symbolic links may lead out of the directory; they may not if not given. */
  follow?: boolean | undefined
  /** The addon's calls; null for doing without. */
  calls?: Native | null | undefined
  /** Whether /proc may be used; found out if not given. */
  proc?: boolean | undefined
}

export class Root implements Opener {
  /** Where the directory really was when it was opened. */
  readonly path: string
  /** Whether names are resolved by openat2, or opened and checked. */
  readonly resolvedBy: 'kernel' | 'check'
  readonly #fd: number
  readonly #device: bigint
  readonly #inode: bigint
  readonly #opener: Opener
  readonly #proc: boolean
  /** Lookups that a thread is busy with: it needs the descriptor. */
  #lookups = 0
  #closed = false

  /**
   * Opens the directory, which may itself be a symbolic link. It stays the same directory from then on, also when it
   * is renamed.
   *
   * @throws ERR_SLUICE_FILE where there is no such directory or it may not be opened
   */
  constructor(path: string, { follow = false, calls = native, proc = hasProc() }: RootOptions = {}) {
    try {
      this.path = realpathSync(path)
      this.#fd = openSync(this.path, O_PATH | (fsConstants.O_DIRECTORY ?? 0))
    } catch (error) {
      throw systemError(errnoOf(error), 'open', `Serving the directory ${JSON.stringify(path)}`, {
        cause: error,
        remedy: 'Name a directory that exists and that this user may enter.',
      })
    }
    const { dev, ino } = fstatSync(this.#fd, { bigint: true })
    this.#device = dev
    this.#inode = ino
    this.#proc = proc
    const directory = { fd: this.#fd, path: toByteName(this.path) }
    const checked = new CheckedOpener({ directory, follow, proc })
    const kernel =
      calls === null ? null : KernelOpener.create({ calls, directory: this.#fd, follow, proc, checked })
    this.#opener = kernel ?? checked
    this.resolvedBy = kernel === null ? 'check' : 'kernel'
  }

  open(name: string, purpose: Purpose): Found | Promise<Found> {
    if (this.#closed) return -constants.errno.EBADF
    const found = this.#opener.open(name, purpose)
    if (found instanceof Promise) {
      this.#lookups++
      found.then(this.#onLookedUp, this.#onLookedUp)
    }
    return found
  }

  /** Whether it is the directory that stat(2) gives these numbers for. */
  is(device: bigint, inode: bigint): boolean {
    return device === this.#device && inode === this.#inode
  }

  /** A path by which `fs.opendir` reads a directory that was opened under this name. */
  readablePath(directory: Opened, name: string): string {
    return this.#proc ? `/proc/self/fd/${directory.fd}` : `${toByteName(this.path)}/${name}`
  }

  /** Closes the directory; what was opened below it stays open. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#lookups === 0) closeSync(this.#fd)
  }

  [dispose](): void {
    this.close()
  }

  readonly #onLookedUp = (): void => {
    this.#lookups--
    if (this.#closed && this.#lookups === 0) closeSync(this.#fd)
  }
}

/** Opens names as given, wherever they lead: for files that the program itself names. */
export function anywhere(calls: Native | null = native): Opener {
  const options = { directory: null, follow: true, proc: hasProc() }
  const checked = new CheckedOpener(options)
  return (calls === null ? null : KernelOpener.create({ ...options, calls, checked })) ?? checked
}

function hasProc(): boolean {
  return existsSync('/proc/self/fd')
}
