/**
 * Hot: every operation that a ring does, one method each, writing straight into the submission ring. None allocates.
 * This file has those on sockets; the classes below it those on files, and the others.
 *
 * Bytes that a submission names belong to the kernel until its last completion, the one without CQE_MORE; for a
 * zero-copy send that is the notification. Nothing is submitted before `ring.submit()`, except where the ring is full.
 */
import { FileSubmissions, slotField } from './file-submissions.js'
import { ACCEPT_MULTISHOT, BUFFER_SELECT, RECV_MULTISHOT, SEND_FIXED_BUFFER } from './flags.js'
import { msghdr } from './layout.js'
import {
  OP_ACCEPT,
  OP_RECV,
  OP_SEND,
  OP_SEND_ZC,
  OP_SENDMSG,
  OP_SENDMSG_ZC,
  OP_SHUTDOWN,
} from './operations.js'
import type { RingMemory } from './ring-memory.js'
import type { Vectors } from './vectors.js'

export class Submissions extends FileSubmissions {
  /**
   * accept4(2) → a descriptor, or with `slot` a slot of the registered files, ANY_SLOT (its index is the result) or
   * AS_DESCRIPTOR. `flags`: SOCK_CLOEXEC, SOCK_NONBLOCK; a registered file takes no SOCK_CLOEXEC.
   */
  accept(fd: number, flags: number, slot: number, low: number, high: number): void {
    this.fill(OP_ACCEPT, fd, 0, 0, 0, 0, 0, flags, 0, slotField(slot), low, high)
  }

  /** One completion for each connection. `slot`: ANY_SLOT or AS_DESCRIPTOR. Linux 5.19 */
  acceptMultishot(fd: number, flags: number, slot: number, low: number, high: number): void {
    this.fill(OP_ACCEPT | (ACCEPT_MULTISHOT << 16), fd, 0, 0, 0, 0, 0, flags, 0, slotField(slot), low, high)
  }

  /** recv(2) → bytes; 0 at the end of the stream. `flags`: MSG_…. */
  recv(
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    flags: number,
    low: number,
    high: number,
  ): void {
    this.fill(
      OP_RECV,
      fd,
      0,
      0,
      memory.lowAt(offset, length),
      memory.highAt(offset),
      length,
      flags,
      0,
      0,
      low,
      high,
    )
  }

  /** recv(2) into one of the provided buffers of `group`: the completion's flags tell which. -ENOBUFS: none is left. */
  recvProvided(fd: number, group: number, flags: number, low: number, high: number): void {
    this.fill(OP_RECV | (BUFFER_SELECT << 8), fd, 0, 0, 0, 0, 0, flags, group, 0, low, high)
  }

  /**
   * The same for all that comes, one completion and one buffer for each piece. It ends, without CQE_MORE, with 0 at the
   * end of the stream, with -ENOBUFS where no buffer is left, with another -errno, or because the ring had no room for
   * a completion; where the stream goes on it is to be armed anew. Linux 6.0
   */
  recvMultishot(fd: number, group: number, flags: number, low: number, high: number): void {
    this.fill(
      OP_RECV | (BUFFER_SELECT << 8) | (RECV_MULTISHOT << 16),
      fd,
      0,
      0,
      0,
      0,
      0,
      flags,
      group,
      0,
      low,
      high,
    )
  }

  /**
   * send(2) → bytes. With MSG_WAITALL the kernel itself goes on after a short send, and a link goes on only after all
   * of it.
   */
  send(
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    flags: number,
    low: number,
    high: number,
  ): void {
    this.fill(
      OP_SEND,
      fd,
      0,
      0,
      memory.lowAt(offset, length),
      memory.highAt(offset),
      length,
      flags,
      0,
      0,
      low,
      high,
    )
  }

  /**
   * send(2) by reference. Two completions: the first with the bytes and CQE_MORE, the second (CQE_NOTIFICATION) when
   * the bytes are no longer used, which with TCP is when the peer has acknowledged them. Where the
   * first lacks CQE_MORE, as after a failure it may, there is no second. `how`: SEND_REPORT_USAGE, then the second's result says whether it was copied after
   * all (NOTIFICATION_COPIED). Linux 6.0
   */
  sendZeroCopy(
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    flags: number,
    how: number,
    low: number,
    high: number,
  ): void {
    this.#sendZeroCopy(fd, memory, offset, length, flags, how, 0, low, high)
  }

  /** The same of bytes within registered buffer number `buffer`, which the kernel need not pin for each send. */
  sendZeroCopyFixed(
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    flags: number,
    how: number,
    buffer: number,
    low: number,
    high: number,
  ): void {
    this.#sendZeroCopy(fd, memory, offset, length, flags, how | SEND_FIXED_BUFFER, buffer, low, high)
  }

  /** sendmsg(2) of the first `count` of the vectors → bytes. `flags`: MSG_…. */
  sendmsg(fd: number, vectors: Vectors, count: number, flags: number, low: number, high: number): void {
    this.#sendMessage(OP_SENDMSG, fd, vectors, count, flags, 0, low, high)
  }

  /** sendmsg(2) by reference, as sendZeroCopy(). Linux 6.1 */
  sendmsgZeroCopy(
    fd: number,
    vectors: Vectors,
    count: number,
    flags: number,
    how: number,
    low: number,
    high: number,
  ): void {
    this.#sendMessage(OP_SENDMSG_ZC | (how << 16), fd, vectors, count, flags, 0, low, high)
  }

  /** The same where all of the vectors are within registered buffer number `buffer`. Linux 6.15 */
  sendmsgZeroCopyFixed(
    fd: number,
    vectors: Vectors,
    count: number,
    flags: number,
    how: number,
    buffer: number,
    low: number,
    high: number,
  ): void {
    const head = OP_SENDMSG_ZC | ((how | SEND_FIXED_BUFFER) << 16)
    this.#sendMessage(head, fd, vectors, count, flags, buffer, low, high)
  }

  /** shutdown(2). `how`: SHUT_RD, SHUT_WR, SHUT_RDWR. */
  shutdown(fd: number, how: number, low: number, high: number): void {
    this.fill(OP_SHUTDOWN, fd, 0, 0, 0, 0, how, 0, 0, 0, low, high)
  }

  #sendZeroCopy(
    fd: number,
    memory: RingMemory,
    offset: number,
    length: number,
    flags: number,
    how: number,
    buffer: number,
    low: number,
    high: number,
  ): void {
    this.fill(
      OP_SEND_ZC | (how << 16),
      fd,
      0,
      0,
      memory.lowAt(offset, length),
      memory.highAt(offset),
      length,
      flags,
      buffer,
      0,
      low,
      high,
    )
  }

  #sendMessage(
    head: number,
    fd: number,
    vectors: Vectors,
    count: number,
    flags: number,
    buffer: number,
    low: number,
    high: number,
  ): void {
    const at = this.scratchAt()
    const scratch = this.scratch
    scratch.fill(0, at, at + msghdr.words)
    scratch[at + msghdr.vectors] = vectors.memory.lowAt(0, vectors.bytesOf(count))
    scratch[at + msghdr.vectors + 1] = vectors.memory.high
    scratch[at + msghdr.vectorCount] = count
    const memory = this.scratchMemory
    this.fill(
      head,
      fd,
      0,
      0,
      memory.lowAt(at * 4, msghdr.words * 4),
      memory.highAt(at * 4),
      1,
      flags,
      buffer,
      0,
      low,
      high,
    )
  }
}
