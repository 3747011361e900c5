/** The names among the upstreams: what addresses they have, asked for again whenever the answer is too old. */
import { performance } from 'node:perf_hooks'
import { resolveName, resolverFor } from './resolve-name.js'

/** An answer that is valid for longer is asked for again all the same; one for less is asked for no sooner. */
const ttlMsMin = 1000
const ttlMsMax = 3_600_000

interface NameSettings {
  readonly resolveMs: number
  readonly nameServers: readonly string[]
}

export class NameWatches {
  #settings: NameSettings
  readonly #watches = new Map<string, NameWatch>()
  readonly #onAddresses: (host: string) => void

  /** `onAddresses` is told of every name that has other addresses than before. */
  constructor(settings: NameSettings, onAddresses: (host: string) => void) {
    this.#settings = settings
    this.#onAddresses = onAddresses
  }

  set settings(settings: NameSettings) {
    this.#settings = settings
    for (const watch of this.#watches.values()) watch.settings = settings
  }

  /** These names from now on, and no others. */
  watch(hosts: readonly string[]): void {
    const wanted = new Set(hosts)
    for (const [host, watch] of this.#watches) {
      if (wanted.has(host)) continue
      watch.close()
      this.#watches.delete(host)
    }
    for (const host of wanted) {
      if (this.#watches.has(host)) continue
      this.#watches.set(host, new NameWatch(host, this.#settings, this.#onAddresses))
    }
  }

  /** When every name has been asked for once. */
  async settled(): Promise<void> {
    await Promise.all([...this.#watches.values()].map(({ asked }) => asked))
  }

  /** Empty where the name has none, or is not known yet. */
  addressesOf(host: string): readonly string[] {
    return this.#watches.get(host)?.addresses ?? []
  }

  whyNone(host: string): string {
    return this.#watches.get(host)?.why ?? ''
  }

  close(): void {
    this.watch([])
  }
}

class NameWatch {
  addresses: readonly string[] = []
  /** Why they are not known. */
  why = 'not resolved yet'
  readonly asked: Promise<void>
  settings: NameSettings
  readonly #host: string
  readonly #onAddresses: (host: string) => void
  #timer: NodeJS.Timeout | null = null
  #closed = false
  /** Questions in a row that had no answer. */
  #failures = 0

  constructor(host: string, settings: NameSettings, onAddresses: (host: string) => void) {
    this.#host = host
    this.settings = settings
    this.#onAddresses = onAddresses
    this.asked = this.#ask()
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  async #ask(): Promise<void> {
    const { nameServers } = this.settings
    const beganMs = performance.now()
    const answer = await resolveName(this.#host, resolverFor(nameServers))
    if (this.#closed) return
    this.#take(answer.addresses, answer.why)
    this.#failures = answer.addresses.length === 0 ? this.#failures + 1 : 0
    // Who failed at once is not asked all the time, and who was slow has used up its own.
    const waitMs = Math.max(ttlMsMin, this.#validMs(answer.ttlMs) - (performance.now() - beganMs))
    this.#timer = setTimeout(() => void this.#ask(), waitMs)
    this.#timer.unref()
  }

  /** Where there was no answer it is asked for soon, and ever later: what is missing may be there in a moment. */
  #validMs(ttlMs: number | null): number {
    const { resolveMs } = this.settings
    if (this.#failures > 0) return Math.min(ttlMsMin * 2 ** (this.#failures - 1), resolveMs)
    return ttlMs === null ? resolveMs : Math.min(Math.max(ttlMs, ttlMsMin), ttlMsMax)
  }

  /** What is known stays where there is no answer: a name server that is down takes nobody else down. */
  #take(addresses: readonly string[], why: string): void {
    this.why = why
    if (addresses.length === 0 || addresses.join() === this.addresses.join()) return
    this.addresses = addresses
    this.#onAddresses(this.#host)
  }
}
