/**
 * Hot: submissions that move no bytes: timeouts, cancelling, polling, waking. In all of them `low` and `high` are the
 * user data that comes back with the completions; `high` has 31 bits, and 0x7fffffff is the ring's own.
 */

import { CANCEL_ALL, CANCEL_ANY, CANCEL_FD, FUTEX_PRIVATE, FUTEX_SIZE_U32, TIMEOUT_UPDATE } from './flags.js'
import { highHalf, lowHalf } from './halves.js'
import { timespec } from './layout.js'
import {
  OP_ASYNC_CANCEL,
  OP_FUTEX_WAIT,
  OP_FUTEX_WAKE,
  OP_LINK_TIMEOUT,
  OP_MSG_RING,
  OP_NOP,
  OP_POLL_ADD,
  OP_POLL_REMOVE,
  OP_TIMEOUT,
  OP_TIMEOUT_REMOVE,
} from './operations.js'
import type { RingMemory } from './ring-memory.js'
import { SubmissionQueue, uncounted } from './submission-queue.js'

export class ControlSubmissions extends SubmissionQueue {
  /** Completes with 0. */
  nop(low: number, high: number): void {
    this.fill(OP_NOP, -1, 0, 0, 0, 0, 0, 0, 0, 0, low, high)
  }

  /**
   * Completes with -ETIME after `ms` milliseconds (which may have a fraction), or with 0 as soon as `count` other
   * completions have come, where `count` is not 0. `flags`: TIMEOUT_ABSOLUTE, TIMEOUT_SUCCESS, TIMEOUT_MULTISHOT.
   */
  timeout(ms: number, count: number, flags: number, low: number, high: number): void {
    const at = this.#time(ms)
    this.#fillTimed(OP_TIMEOUT, at, count, flags, low, high)
  }

  /**
   * Comes after a submission that was marked LINK: that one is cancelled where it takes longer. Completes with -ETIME
   * where it did, else with -ECANCELED; or with -EALREADY where the other could not be stopped any more.
   */
  linkTimeout(ms: number, flags: number, low: number, high: number): void {
    const at = this.#time(ms)
    this.#fillTimed(OP_LINK_TIMEOUT, at, 0, flags, low, high)
  }

  /** Ends a timeout() by its user data: 0, or -ENOENT where it has passed, or -EALREADY while it passes. */
  removeTimeout(targetLow: number, targetHigh: number, low: number, high: number): void {
    this.fill(OP_TIMEOUT_REMOVE, -1, 0, 0, targetLow, targetHigh, 0, 0, 0, 0, low, high)
  }

  /** Gives a timeout() another span, from now. As removeTimeout(). Linux 5.11 */
  updateTimeout(targetLow: number, targetHigh: number, ms: number, low: number, high: number): void {
    const at = this.#time(ms)
    const memory = this.scratchMemory
    this.fill(
      OP_TIMEOUT_REMOVE,
      -1,
      memory.lowAt(at * 4, timespec.words * 4),
      memory.highAt(at * 4),
      targetLow,
      targetHigh,
      0,
      TIMEOUT_UPDATE,
      0,
      0,
      low,
      high,
    )
  }

  /**
   * Cancels by user data: the submission completes with -ECANCELED or, where it was faster, with its result; both are
   * usual. This one's result is 0, -ENOENT where there is none, -EALREADY where it runs and may still be interrupted.
   * With CANCEL_ALL the result is how many there were.
   */
  cancel(targetLow: number, targetHigh: number, flags: number, low: number, high: number): void {
    this.fill(OP_ASYNC_CANCEL, -1, 0, 0, targetLow, targetHigh, 0, flags, 0, 0, low, high)
  }

  /** Cancels all that is in flight on a descriptor. `flags`: CANCEL_FD_FIXED. Result: how many. Linux 5.19 */
  cancelDescriptor(fd: number, flags: number, low: number, high: number): void {
    this.fill(OP_ASYNC_CANCEL, fd, 0, 0, 0, 0, 0, flags | CANCEL_FD | CANCEL_ALL, 0, 0, low, high)
  }

  /** Cancels everything. Result: how many. Linux 5.19 */
  cancelAll(low: number, high: number): void {
    this.fill(OP_ASYNC_CANCEL, -1, 0, 0, 0, 0, 0, CANCEL_ANY | CANCEL_ALL, 0, 0, low, high)
  }

  /** Completes with the events (poll(2), POLLIN…) that came; again and again with POLL_MULTISHOT in `flags`. */
  poll(fd: number, events: number, flags: number, low: number, high: number): void {
    this.fill(OP_POLL_ADD, fd, 0, 0, 0, 0, flags, events, 0, 0, low, high)
  }

  /** Ends a poll() by its user data: 0, or -ENOENT, or -EALREADY. */
  removePoll(targetLow: number, targetHigh: number, low: number, high: number): void {
    this.fill(OP_POLL_REMOVE, -1, 0, 0, targetLow, targetHigh, 0, 0, 0, 0, low, high)
  }

  /**
   * A completion in another ring, with this user data and result. Where that ring has no room this one's result is
   * -EOVERFLOW. It is not among what the other ring counts as in flight. Linux 5.18
   */
  message(
    ringFd: number,
    targetLow: number,
    targetHigh: number,
    result: number,
    low: number,
    high: number,
  ): void {
    this.fill(OP_MSG_RING, ringFd, targetLow, targetHigh | uncounted, 0, 0, result, 0, 0, 0, low, high)
  }

  /**
   * Waits while the 32-bit word at `offset` is `value`, until somebody wakes it: 0, or -EAGAIN where it is not.
   * The word is known to this process alone, which may be to several threads. Linux 6.7
   */
  futexWait(memory: RingMemory, offset: number, value: number, low: number, high: number): void {
    this.#fillFutex(OP_FUTEX_WAIT, memory, offset, value, low, high)
  }

  /** Wakes at most `count` who wait on the word → how many. Linux 6.7 */
  futexWake(memory: RingMemory, offset: number, count: number, low: number, high: number): void {
    this.#fillFutex(OP_FUTEX_WAKE, memory, offset, count, low, high)
  }

  #fillFutex(
    operation: number,
    memory: RingMemory,
    offset: number,
    value: number,
    low: number,
    high: number,
  ): void {
    this.fill(
      operation,
      FUTEX_SIZE_U32 | FUTEX_PRIVATE,
      value,
      0,
      memory.lowAt(offset, 4),
      memory.highAt(offset),
      0,
      0,
      0,
      0,
      low,
      high,
    )
    // The bits by which waiting and waking find each other: all of them.
    this.setAddress3(-1, 0)
  }

  /** Writes a time into the next entry's scratch → where, in words. */
  #time(ms: number): number {
    const at = this.scratchAt()
    const seconds = Math.floor(ms / 1000)
    this.scratch[at + timespec.seconds] = lowHalf(seconds)
    this.scratch[at + timespec.seconds + 1] = highHalf(seconds)
    this.scratch[at + timespec.nanoseconds] = Math.round((ms - seconds * 1000) * 1e6)
    this.scratch[at + timespec.nanoseconds + 1] = 0
    return at
  }

  #fillTimed(operation: number, at: number, count: number, flags: number, low: number, high: number): void {
    const memory = this.scratchMemory
    this.fill(
      operation,
      -1,
      count,
      0,
      memory.lowAt(at * 4, timespec.words * 4),
      memory.highAt(at * 4),
      1,
      flags,
      0,
      0,
      low,
      high,
    )
  }
}
