/** Writes bit by bit, the most significant first, as video syntax wants them. */
export class BitWriter {
  #bytes = []
  #current = 0
  #free = 8

  /** u(n): `value` in exactly `count` bits, at most 32. */
  u(count, value) {
    for (let bit = count - 1; bit >= 0; bit--) {
      this.#current |= ((value >>> bit) & 1) << --this.#free
      if (this.#free === 0) this.#push()
    }
    return this
  }

  /** ue(v): an unsigned Exp-Golomb code, as many zeros as bits follow the leading one of value + 1. */
  ue(value) {
    const bits = 32 - Math.clz32(value + 1)
    return this.u(bits - 1, 0).u(bits, value + 1)
  }

  /** se(v): a signed Exp-Golomb code, in the order 0, 1, −1, 2, −2. */
  se(value) {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value)
  }

  /** Zeros up to the next whole byte. */
  align() {
    if (this.#free < 8) this.#push()
    return this
  }

  /** rbsp_trailing_bits: a one, then zeros up to the next whole byte. */
  stop() {
    return this.u(1, 1).align()
  }

  /** The whole bytes written so far. */
  bytes() {
    return Buffer.from(this.#bytes)
  }

  #push() {
    this.#bytes.push(this.#current)
    this.#current = 0
    this.#free = 8
  }
}
