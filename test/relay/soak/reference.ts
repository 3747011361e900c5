/** What every byte of a soak must be: a function of its connection, its direction and its offset. */
import { Random } from '../../support/random.js'

export type Way = 'to upstream' | 'to client'

/** Prime, so that a loss of any number of whole pages or pipes shifts what follows. */
const tableBytes = 65_521

export class Reference {
  readonly #table = Buffer.allocUnsafe(tableBytes + 3)

  constructor({ seed, id, way }: { seed: number; id: number; way: Way }) {
    const random = new Random(seed ^ Math.imul(id * 2 + (way === 'to client' ? 1 : 0), 0x9e3779b1))
    for (let at = 0; at < tableBytes; at += 4) this.#table.writeUInt32LE(random.below(2 ** 32), at)
  }

  /** A copy of the bytes from an offset on. */
  bytes(offset: number, count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count)
    for (let done = 0; done < count; ) {
      const from = (offset + done) % tableBytes
      done += this.#table.copy(bytes, done, from, Math.min(from + count - done, tableBytes))
    }
    return bytes
  }

  /** → the offset of the first byte that is wrong, -1 where all are right. */
  wrongAt(bytes: Buffer, offset: number): number {
    const expected = this.bytes(offset, bytes.length)
    if (bytes.equals(expected)) return -1
    return offset + bytes.findIndex((byte, index) => byte !== expected[index])
  }
}
