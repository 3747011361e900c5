/** A structure that the kernel reads, filled field by field in the machine's byte order. */
import { endianness } from 'node:os'

const littleEndian = endianness() === 'LE'

export class Structure {
  /** The structure itself; its fields' offsets are in bytes. */
  readonly bytes: Uint8Array
  readonly #view: DataView

  /** A new one of zeros, of so many bytes, or one that is there. */
  constructor(of: number | Uint8Array) {
    this.bytes = typeof of === 'number' ? new Uint8Array(of) : of
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
  }

  set8(offset: number, value: number): void {
    this.#view.setUint8(offset, value)
  }

  set16(offset: number, value: number): void {
    this.#view.setUint16(offset, value, littleEndian)
  }

  /** Negative values too, in two's complement. */
  set32(offset: number, value: number): void {
    this.#view.setInt32(offset, value, littleEndian)
  }

  set64(offset: number, value: number): void {
    this.#view.setBigUint64(offset, BigInt(value), littleEndian)
  }
}
