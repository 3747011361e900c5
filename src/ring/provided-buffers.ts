/**
 * Hot: buffers that the kernel takes from when bytes arrive (IORING_REGISTER_PBUF_RING, Linux 5.19), so that a thousand
 * idle connections need no memory of their own.
 *
 *     with the kernel ──a completion with CQE_BUFFER──▶ take(flags) ──▶ the program's ──give(number)──▶ with the kernel
 *
 * A buffer is cut from one region: number n begins at n × bufferBytes. What was given back is seen by the kernel at the
 * next submit. A buffer that is given twice, or never taken, is our own bug and throws: two connections would share it.
 */
import { checkInteger } from '../base/options.js'
import { Region } from '../memory/region.js'
import { storeRelease16 } from '../native/atomics.js'
import type { Native } from '../native/calls.js'
import { CQE_BUFFER_SHIFT, REGISTER_PBUF_RING, UNREGISTER_PBUF_RING } from './flags.js'
import { buffer, bufferRegistration, bufferTail } from './layout.js'
import { registerRefused } from './refusal.js'
import type { RingMemory } from './ring-memory.js'

export interface ProvidedBuffersOptions {
  /** What submissions name them by: 0 to 65535, each once in a ring. */
  group: number
  /** How many: a power of two, at most 32768. */
  count: number
  bufferBytes: number
}

/** What the buffers need of their ring. */
export interface BuffersRing {
  readonly fd: number
  use(region: Region): RingMemory
}

const countMax = 32768

export class ProvidedBuffers {
  readonly group: number
  readonly count: number
  readonly bufferBytes: number
  /** All of the buffers: a submission may send from them too. */
  readonly memory: RingMemory
  readonly #native: Native
  readonly #fd: number
  readonly #data: Region
  readonly #entries: Region
  readonly #entriesMemory: RingMemory
  readonly #words: Int32Array
  readonly #halves: Uint16Array
  /** By number: 1 while the program has it. */
  readonly #taken: Uint8Array
  readonly #mask: number
  #tail = 0
  #published = 0
  #takenCount = 0

  /** @throws ERR_SLUICE_OPTION, ERR_SLUICE_MEMORY, ERR_SLUICE_SYSCALL where the group is taken */
  constructor(native: Native, ring: BuffersRing, options: ProvidedBuffersOptions) {
    this.group = checkInteger('group', options.group, { min: 0, max: 65535 })
    this.count = checkPowerOfTwo('count', options.count)
    this.bufferBytes = checkInteger('bufferBytes', options.bufferBytes, { min: 1, max: 2 ** 30 })
    this.#native = native
    this.#fd = ring.fd
    this.#mask = this.count - 1
    // Nobody else has these two regions, so that nobody gives them other pages than the kernel goes by.
    this.#data = new Region({ bytes: this.count * this.bufferBytes, name: 'sluice-provided' })
    this.#entries = new Region({ bytes: this.count * buffer.words * 4, name: 'sluice-provided-ring' })
    this.memory = ring.use(this.#data)
    this.#entriesMemory = ring.use(this.#entries)
    const { buffer: memory, byteOffset } = this.#entries.bytes
    this.#words = new Int32Array(memory, byteOffset, this.count * buffer.words)
    this.#halves = new Uint16Array(memory, byteOffset, this.count * buffer.words * 2)
    this.#taken = new Uint8Array(this.count)
    const errno = this.#register()
    if (errno < 0) {
      this.#release()
      throw registerRefused(errno, `Providing ${this.count} buffers as group ${this.group}`)
    }
    for (let number = 0; number < this.count; number++) this.#append(number)
    this.publish()
  }

  /** How many the program has. */
  get taken(): number {
    return this.#takenCount
  }

  /** The buffer that a completion with CQE_BUFFER among its flags brings → its number. It is the program's now. */
  take(flags: number): number {
    const number = flags >>> CQE_BUFFER_SHIFT
    if (this.#taken[number] !== 0) throw new Error(`buffer ${number} came without being with the kernel`)
    this.#taken[number] = 1
    this.#takenCount++
    return number
  }

  /** Where a buffer begins in `memory`, in bytes. */
  offset(number: number): number {
    return number * this.bufferBytes
  }

  /** Gives a buffer back. The program has no more use for its bytes, and nothing that names them is in flight. */
  give(number: number): void {
    if (this.#taken[number] !== 1) throw new Error(`buffer ${number} was given back without being taken`)
    this.#taken[number] = 0
    this.#takenCount--
    // After close() nobody takes it any more.
    if (this.memory.byteLength > 0) this.#append(number)
  }

  /** Shows the kernel what was given back. `submit()` does it. */
  publish(): void {
    if (this.#published === this.#tail) return
    this.#published = this.#tail
    storeRelease16(this.#halves, bufferTail, this.#tail)
  }

  /** Nothing may be in flight that takes from here. The ring does it when it closes. */
  close(): void {
    const registration = new Int32Array(bufferRegistration.words)
    registration[bufferRegistration.group] = this.group
    this.#native.ioUringRegister(this.#fd, UNREGISTER_PBUF_RING, registration, 1)
    this.#release()
  }

  #append(number: number): void {
    const at = (this.#tail & this.#mask) * buffer.words
    const words = this.#words
    const offset = number * this.bufferBytes
    words[at + buffer.address] = this.memory.lowAt(offset, this.bufferBytes)
    words[at + buffer.address + 1] = this.memory.highAt(offset)
    words[at + buffer.length] = this.bufferBytes
    // Half of a word: the other half of the first entry's is the tail.
    this.#halves[(at + buffer.number) * 2] = number
    this.#tail = (this.#tail + 1) & 0xffff
  }

  #register(): number {
    const registration = new Int32Array(bufferRegistration.words)
    registration[bufferRegistration.address] = this.#entriesMemory.lowAt(0, this.#entries.byteLength)
    registration[bufferRegistration.address + 1] = this.#entriesMemory.high
    registration[bufferRegistration.entries] = this.count
    registration[bufferRegistration.group] = this.group
    return this.#native.ioUringRegister(this.#fd, REGISTER_PBUF_RING, registration, 1)
  }

  #release(): void {
    this.memory.release()
    this.#entriesMemory.release()
    // Nothing else pins them.
    void this.#data.close()
    void this.#entries.close()
  }
}

function checkPowerOfTwo(name: string, value: number): number {
  checkInteger(name, value, { min: 1, max: countMax })
  return checkInteger(`${name}, as a power of two,`, value, { min: nextPowerOfTwo(value) })
}

function nextPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value))
}
