/** Counts what others still use, and tells when the last of it came back. */
export class InFlight {
  #count = 0
  #idle: Promise<void> | null = null
  #settle: (() => void) | null = null

  get count(): number {
    return this.#count
  }

  enter(): void {
    this.#count++
  }

  /** Once for each enter(). */
  leave(): void {
    if (this.#count === 0) throw new Error('leave() without enter()')
    this.#count--
    if (this.#count === 0) this.#settle?.()
  }

  /** Resolves when the count is 0 for the first time from now on; nothing may enter once this was asked. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    this.#idle ??= new Promise(resolve => {
      this.#settle = resolve
    })
    return this.#idle
  }
}
