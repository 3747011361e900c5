/**
 * A table of open files of the ring's own, named by slot: a submission marked FIXED_FILE needs not look a descriptor
 * up and hold it. Accepting and opening can put files there (ANY_SLOT), which then never are descriptors of the process.
 */
import type { Native } from '../native/calls.js'
import {
  REGISTER_FILE_ALLOC_RANGE,
  REGISTER_FILES_UPDATE,
  REGISTER_FILES2,
  UNREGISTER_FILES,
} from './flags.js'
import { highHalf, lowHalf } from './halves.js'
import { fileRange, resources, update } from './layout.js'
import { registerRefused } from './refusal.js'

export class RegisteredFiles {
  readonly #native: Native
  readonly #fd: number
  readonly #update = new Int32Array(update.words)
  readonly #descriptor = new Int32Array(1)
  #slots = 0

  constructor(native: Native, fd: number) {
    this.#native = native
    this.#fd = fd
    const address = native.addressOf(new Uint8Array(this.#descriptor.buffer))
    this.#update[update.data] = lowHalf(address)
    this.#update[update.data + 1] = highHalf(address)
  }

  get slots(): number {
    return this.#slots
  }

  /**
   * Makes the table, of empty slots; at most as many as the process may have descriptors (`ulimit -n`). ANY_SLOT takes
   * only slots from `reserved` on.
   *
   * @throws ERR_SLUICE_SYSCALL where there is a table, ERR_SLUICE_MEMORY, ERR_SLUICE_DESCRIPTORS
   */
  open(slots: number, reserved = 0): void {
    const table = new Int32Array(resources.words)
    table[resources.count] = slots
    table[resources.flags] = resources.sparse
    this.#register(REGISTER_FILES2, table, table.byteLength, `Registering ${slots} files`)
    this.#slots = slots
    if (reserved === 0) return
    const range = new Int32Array(fileRange.words)
    range[fileRange.offset] = reserved
    range[fileRange.length] = slots - reserved
    this.#register(REGISTER_FILE_ALLOC_RANGE, range, 0, `Reserving ${reserved} slots of registered files`)
  }

  /** Puts an open file into a slot, which may have one already. The descriptor can be closed afterwards. */
  set(slot: number, fd: number): void {
    this.#descriptor[0] = fd
    this.#update[update.offset] = slot
    this.#register(REGISTER_FILES_UPDATE, this.#update, 1, `Registering descriptor ${fd} in slot ${slot}`)
  }

  /** Empties a slot. What is in flight on its file goes on. */
  clear(slot: number): void {
    this.set(slot, -1)
  }

  close(): void {
    if (this.#slots === 0) return
    this.#slots = 0
    this.#native.ioUringRegister(this.#fd, UNREGISTER_FILES, this.#update, 0)
  }

  #register(opcode: number, argument: Int32Array, count: number, what: string): void {
    const errno = this.#native.ioUringRegister(this.#fd, opcode, argument, count)
    if (errno < 0) throw registerRefused(errno, what)
  }
}
