/**
 * Hot: submissions on files and pipes. A `position` of -1 is the file's own, and the one to give for a pipe. Results
 * are bytes, or -errno, and may be fewer than were asked for.
 */
import { ControlSubmissions } from './control-submissions.js'
import { AS_DESCRIPTOR } from './flags.js'
import { highHalf, lowHalf } from './halves.js'
import { openHow } from './layout.js'
import {
  OP_CLOSE,
  OP_OPENAT2,
  OP_READ,
  OP_READ_FIXED,
  OP_SPLICE,
  OP_STATX,
  OP_TEE,
  OP_WRITE,
  OP_WRITE_FIXED,
  OP_WRITEV,
} from './operations.js'
import type { RingMemory } from './ring-memory.js'
import type { Vectors } from './vectors.js'

/** How many bytes statx() writes. */
export const statxBytes = 256

export class FileSubmissions extends ControlSubmissions {
  /** read(2) or pread(2) into `length` bytes at `offset`. */
  read(
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    position: number,
    low: number,
    high: number,
  ): void {
    this.#transfer(OP_READ, fd, memory, offset, length, position, 0, low, high)
  }

  /** write(2) or pwrite(2). */
  write(
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    position: number,
    low: number,
    high: number,
  ): void {
    this.#transfer(OP_WRITE, fd, memory, offset, length, position, 0, low, high)
  }

  /** As read(), where the bytes are within registered buffer number `buffer`: the kernel has them pinned already. */
  readFixed(
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    position: number,
    buffer: number,
    low: number,
    high: number,
  ): void {
    this.#transfer(OP_READ_FIXED, fd, memory, offset, length, position, buffer, low, high)
  }

  writeFixed(
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    position: number,
    buffer: number,
    low: number,
    high: number,
  ): void {
    this.#transfer(OP_WRITE_FIXED, fd, memory, offset, length, position, buffer, low, high)
  }

  /** writev(2) or pwritev(2), of the first `count` of the vectors. */
  writev(fd: number, vectors: Vectors, count: number, position: number, low: number, high: number): void {
    const { memory } = vectors
    this.fill(
      OP_WRITEV,
      fd,
      lowHalf(position),
      highHalf(position),
      memory.lowAt(0, vectors.bytesOf(count)),
      memory.high,
      count,
      0,
      0,
      0,
      low,
      high,
    )
  }

  /**
   * splice(2): one of the two is a pipe. `flags`: splice(2)'s SPLICE_F_…, and SPLICE_SOURCE_FIXED where the source is a
   * registered file (the target is with FIXED_FILE). It runs on a thread of the kernel's, which waits for both ends.
   */
  splice(
    source: number,
    sourcePosition: number,
    target: number,
    targetPosition: number,
    length: number,
    flags: number,
    low: number,
    high: number,
  ): void {
    this.fill(
      OP_SPLICE,
      target,
      lowHalf(targetPosition),
      highHalf(targetPosition),
      lowHalf(sourcePosition),
      highHalf(sourcePosition),
      length,
      flags,
      0,
      source,
      low,
      high,
    )
  }

  /** tee(2): both are pipes, and the source keeps its bytes. */
  tee(source: number, target: number, length: number, flags: number, low: number, high: number): void {
    this.fill(OP_TEE, target, 0, 0, 0, 0, length, flags, 0, source, low, high)
  }

  /**
   * openat2(2) of the name at `offset`, which ends with a NUL within `length` bytes → a descriptor. `slot` is a slot of
   * the registered files, or ANY_SLOT, or AS_DESCRIPTOR; a slot's result is 0, any slot's is its index.
   */
  open(
    directory: number,
    memory: RingMemory,
    offset: number,
    length: number,
    flags: number,
    mode: number,
    resolve: number,
    slot: number,
    low: number,
    high: number,
  ): void {
    if (memory.bytes[offset + length - 1] !== 0) throw new RangeError('the name does not end with NUL')
    const how = this.scratchAt()
    const scratch = this.scratch
    scratch[how + openHow.flags] = flags
    scratch[how + openHow.flags + 1] = 0
    scratch[how + openHow.mode] = mode
    scratch[how + openHow.mode + 1] = 0
    scratch[how + openHow.resolve] = resolve
    scratch[how + openHow.resolve + 1] = 0
    const { scratchMemory } = this
    this.fill(
      OP_OPENAT2,
      directory,
      scratchMemory.lowAt(how * 4, openHow.bytes),
      scratchMemory.highAt(how * 4),
      memory.lowAt(offset, length),
      memory.highAt(offset),
      openHow.bytes,
      0,
      0,
      slotField(slot),
      low,
      high,
    )
  }

  /**
   * statx(2) of the name at `nameOffset`, which ends with a NUL within `nameLength` bytes, into the `statxBytes` bytes
   * at `outOffset`. An empty name with AT_EMPTY_PATH in `flags` is the descriptor itself.
   */
  statx(
    directory: number,
    memory: RingMemory,
    nameOffset: number,
    nameLength: number,
    flags: number,
    mask: number,
    outOffset: number,
    low: number,
    high: number,
  ): void {
    if (memory.bytes[nameOffset + nameLength - 1] !== 0)
      throw new RangeError('the name does not end with NUL')
    this.fill(
      OP_STATX,
      directory,
      memory.lowAt(outOffset, statxBytes),
      memory.highAt(outOffset),
      memory.lowAt(nameOffset, nameLength),
      memory.highAt(nameOffset),
      mask,
      flags,
      0,
      0,
      low,
      high,
    )
  }

  /** close(2). What is in flight on it goes on: cancelDescriptor() first. */
  closeDescriptor(fd: number, low: number, high: number): void {
    this.fill(OP_CLOSE, fd, 0, 0, 0, 0, 0, 0, 0, 0, low, high)
  }

  /** Empties a slot of the registered files. Linux 5.15 */
  closeSlot(slot: number, low: number, high: number): void {
    this.fill(OP_CLOSE, 0, 0, 0, 0, 0, 0, 0, 0, slotField(slot), low, high)
  }

  /** read() on behalf of the ring; `low` tells its completion from others of the ring's. */
  readOwn(fd: number, memory: RingMemory, length: number, low: number): void {
    this.prepareOwn(() => this.read(fd, memory, 0, length, -1, low, 0))
  }

  #transfer(
    operation: number,
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    position: number,
    buffer: number,
    low: number,
    high: number,
  ): void {
    this.fill(
      operation,
      fd,
      lowHalf(position),
      highHalf(position),
      memory.lowAt(offset, length),
      memory.highAt(offset),
      length,
      0,
      buffer,
      0,
      low,
      high,
    )
  }
}

/** How file_index names a slot: one more than its index; 0 is none, and the largest is any. */
export function slotField(slot: number): number {
  return slot === AS_DESCRIPTOR ? 0 : slot < 0 ? -1 : slot + 1
}
