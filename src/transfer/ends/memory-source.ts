/** Memory as what bytes come from: a lease, a range of a region or of a mapped file, or any bytes. */
import { SluiceError } from '../../base/errors.js'
import { checkInteger, show } from '../../base/options.js'
import { Lease } from '../../memory/lease.js'
import { MappedFile } from '../../memory/mapped-file.js'
import { Region } from '../../memory/region.js'

export type Memory = Uint8Array | Lease | Region | MappedFile

export interface MemoryOptions {
  /** The first byte, counted from where the memory begins; 0 if not given. */
  start?: number
  /** The last byte, included; the memory's last if not given. */
  end?: number
  /**
   * Promises that these bytes never change again, so that a region's pages may be sent by reference: the peer may
   * read them long after the transfer has ended. A lease needs no promise: its slot gets other pages.
   */
  stable?: boolean
}

export interface MemorySource extends MemoryOptions {
  readonly kind: 'memory'
  readonly of: Memory
}

/**
 * Bytes in memory, whole or from byte `start` to byte `end`, both included. They must not be changed until the
 * transfer has settled. A lease ends with its transfer: the slot goes back to its pool.
 *
 * @throws ERR_SLUICE_OPTION where it is no memory, or the range is not inside it
 */
export function memory(of: Memory, { start, end, stable }: MemoryOptions = {}): MemorySource {
  if (!isMemory(of)) {
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      `memory() takes a Lease, a Region, a MappedFile or a Uint8Array, not ${show(of)}`,
    )
  }
  const bytes = of instanceof Lease ? of.length : of.byteLength
  if (start !== undefined) checkInteger('start', start, { min: 0, max: bytes })
  if (end !== undefined) checkInteger('end', end, { min: start ?? 0, max: bytes - 1 })
  if (stable !== undefined && typeof stable !== 'boolean')
    throw new SluiceError('ERR_SLUICE_OPTION', `stable must be true or false, not ${show(stable)}`)
  return {
    kind: 'memory',
    of,
    ...(start !== undefined && { start }),
    ...(end !== undefined && { end }),
    ...(stable !== undefined && { stable }),
  }
}

export function isMemory(value: unknown): value is Memory {
  return (
    value instanceof Uint8Array ||
    value instanceof Lease ||
    value instanceof Region ||
    value instanceof MappedFile
  )
}
