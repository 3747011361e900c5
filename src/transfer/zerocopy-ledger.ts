/**
 * Which sends of a socket the kernel has let go of. Each successful send with MSG_ZEROCOPY has a number, from 0 on,
 * that wraps at 32 bits. A notice names a range of them, both ends included. Notices come in any order, and several
 * sends in one. Documentation/networking/msg_zerocopy.rst.
 */

/** Memory that a flow has lent to the kernel, in as many sends as it took. */
export interface Loan {
  /** Sends that no notice has come for. */
  outstanding: number
  /** Bytes that the kernel has copied after all. */
  copiedBytes: number
}

interface Send {
  readonly loan: Loan
  readonly bytes: number
}

export class ZerocopyLedger {
  #next: number
  /** By number: the sends that no notice has come for. */
  readonly #sends = new Map<number, Send>()

  /** `first`: the number of the next send. */
  constructor(first = 0) {
    this.#next = first
  }

  /** Sends that no notice has come for. */
  get outstanding(): number {
    return this.#sends.size
  }

  /** The socket took so many bytes of the loan in one send. */
  add(loan: Loan, bytes: number): void {
    this.#sends.set(this.#next, { loan, bytes })
    this.#next = (this.#next + 1) >>> 0
    loan.outstanding++
  }

  /** A notice came: the kernel has let go of the sends from `low` to `high`. */
  settle(low: number, high: number, copied: boolean): void {
    const count = ((high - low) >>> 0) + 1
    // Whatever a notice says, no more is looked up than there is.
    if (count > this.#sends.size) {
      for (const id of this.#sends.keys()) {
        if ((id - low) >>> 0 < count) this.#settleOne(id, copied)
      }
      return
    }
    for (let index = 0; index < count; index++) this.#settleOne((low + index) >>> 0, copied)
  }

  #settleOne(id: number, copied: boolean): void {
    const send = this.#sends.get(id)
    if (send === undefined) return
    this.#sends.delete(id)
    send.loan.outstanding--
    if (copied) send.loan.copiedBytes += send.bytes
  }
}
