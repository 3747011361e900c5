/** Wakes a thread that waits in its ring: an eventfd(2) that the ring reads from. */
import { SluiceError, systemError } from '../base/errors.js'
import { addonMissing, native as loaded } from '../native/load.js'
import { closerOf } from '../native/own.js'

/**
 * Made by the thread that rings, which hands `fd` to the thread that hears (`ThreadRing.hear`), and closed by it when
 * that thread is done: a number that was closed early may be another file's.
 */
export class Doorbell {
  readonly fd: number
  readonly #close: () => void
  #open = true

  /** @throws ERR_SLUICE_ADDON, ERR_SLUICE_DESCRIPTORS, ERR_SLUICE_MEMORY */
  constructor() {
    if (loaded === null) throw new SluiceError('ERR_SLUICE_ADDON', `Opening a doorbell: ${addonMissing}`)
    const fd = loaded.eventfdCreate()
    if (fd < 0) throw systemError(fd, 'eventfd', 'Opening a doorbell')
    this.fd = fd
    this.#close = closerOf(loaded, fd)
  }

  /** Never waits. Ringing often before it is heard is ringing once. */
  ring(): void {
    if (this.#open) loaded!.eventfdAdd(this.fd)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#close()
  }
}
