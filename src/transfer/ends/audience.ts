/**
 * One listener of an event on behalf of many: a signal may be that of every transfer of a server, and a connection
 * may have any number of responses waiting, while Node warns of more than ten listeners.
 */
export class Audience<Source extends object> {
  readonly #attach: (source: Source, listener: () => void) => void
  readonly #detach: (source: Source, listener: () => void) => void
  readonly #members = new WeakMap<Source, Members>()

  constructor(
    attach: (source: Source, listener: () => void) => void,
    detach: (source: Source, listener: () => void) => void,
  ) {
    this.#attach = attach
    this.#detach = detach
  }

  join(source: Source, hear: () => void): void {
    const known = this.#members.get(source)
    if (known !== undefined) {
      known.all.add(hear)
      return
    }
    const all = new Set([hear])
    const listener = (): void => {
      // Whoever hears first may send others away.
      for (const member of [...all]) if (all.has(member)) member()
    }
    this.#members.set(source, { all, listener })
    this.#attach(source, listener)
  }

  leave(source: Source, hear: () => void): void {
    const known = this.#members.get(source)
    if (known === undefined) return
    known.all.delete(hear)
    if (known.all.size > 0) return
    this.#members.delete(source)
    this.#detach(source, known.listener)
  }
}

interface Members {
  readonly all: Set<() => void>
  readonly listener: () => void
}
