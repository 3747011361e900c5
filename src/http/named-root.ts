/**
 * The directory that a path names, also when it comes to name another one: sites are often deployed by switching a
 * link to a new directory. Names are resolved below a descriptor, which knows nothing of that; so the path is
 * looked up again now and then, aside from the requests.
 */
import { stat } from 'node:fs'
import { resolve } from 'node:path'
import type { Opened, Purpose } from './opened.js'
import type { Found, Opener } from './opener.js'
import { Root, type RootOptions } from './root.js'

/** How old what is known of the path may be when a request comes. */
const checkMs = 1000

export class NamedRoot implements Opener {
  readonly #path: string
  readonly #options: RootOptions
  #root: Root
  #checkAtMs = Date.now() + checkMs
  #closed = false

  /** @throws ERR_SLUICE_FILE where there is no such directory or it may not be entered */
  constructor(path: string, options: RootOptions = {}) {
    this.#path = resolve(path)
    this.#options = options
    this.#root = new Root(this.#path, options)
  }

  /** Where the directory really is. */
  get path(): string {
    return this.#root.path
  }

  open(name: string, purpose: Purpose): Found | Promise<Found> {
    if (Date.now() >= this.#checkAtMs) this.#check()
    return this.#root.open(name, purpose)
  }

  /** As `Root.readablePath`. */
  readablePath(directory: Opened, name: string): string {
    return this.#root.readablePath(directory, name)
  }

  close(): void {
    this.#closed = true
    this.#root.close()
  }

  #check(): void {
    this.#checkAtMs = Date.now() + checkMs
    stat(this.#path, { bigint: true }, (error, found) => {
      // Where the path names nothing, the directory that it named is still the best there is.
      if (error || this.#closed || this.#root.is(found.dev, found.ino)) return
      try {
        const before = this.#root
        this.#root = new Root(this.#path, this.#options)
        before.close()
      } catch {
        // It is no directory, or went away meanwhile; the next check is not far.
      }
    })
  }
}
