/** An open file that several answers send from at once; it is closed when the last is done and nobody remembers it. */
import type { Opened } from '../http/opened.js'

export class SharedFile {
  readonly opened: Opened
  #users = 1

  constructor(opened: Opened) {
    this.opened = opened
  }

  enter(): void {
    this.#users++
  }

  leave(): void {
    this.#users--
    if (this.#users === 0) this.opened.close()
  }
}
