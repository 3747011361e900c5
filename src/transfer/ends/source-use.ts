/** Which streams and descriptors are being read: of two readers each would get some of the bytes. */
import type { Readable } from 'node:stream'
import { SluiceError } from '../../base/errors.js'

const streams = new WeakSet<Readable>()
const descriptors = new Set<number>()

/**
 * Takes the source for one transfer → what gives it back.
 *
 * @throws ERR_SLUICE_IN_FLIGHT where another transfer has it
 */
export function useSource(from: Readable | number): () => void {
  // Only that each set gets what is of its kind matters, which the compiler cannot see.
  const inUse = (typeof from === 'number' ? descriptors : streams) as Set<Readable | number>
  if (inUse.has(from)) {
    const what = typeof from === 'number' ? `Descriptor ${from}` : 'The stream'
    throw new SluiceError('ERR_SLUICE_IN_FLIGHT', `${what} is the source of another transfer`)
  }
  inUse.add(from)
  return () => void inUse.delete(from)
}
