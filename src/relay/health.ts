/**
 * Whether an upstream can be used, by what became of connects to it: those for clients, and those made to check it. After
 * some failures in a row it is down. Where it is checked, checks find it up again; else a client tries it after a while.
 */
import { performance } from 'node:perf_hooks'
import type { CheckSettings } from './options.js'

/** Twice as long after each trial that failed, and no longer than this. */
const backoffMsMax = 30_000

export interface HealthSettings {
  /** 0 where connects for clients do not count. */
  readonly failuresMax: number
  readonly backoffMs: number
  /** Within which it is known what became of a trial. */
  readonly connectMs: number
  readonly check: CheckSettings | null
}

export class Health {
  up = true
  /** Why it is down; empty where it is up. */
  why = ''
  /** A client tries whether it is up again. */
  trial = false
  #settings: HealthSettings
  #failures = 0
  #backoffMs = 0
  #retryAt = 0
  /** Checks in a row that said the contrary of what it is taken for. */
  #contrary = 0
  /** The first check decides alone: nothing else is known. */
  #checked = false

  constructor(settings: HealthSettings) {
    this.#settings = settings
  }

  /** From now on; what it is taken for stays. */
  set settings(settings: HealthSettings) {
    this.#settings = settings
    this.#contrary = 0
    // Where checks took it down there was no backoff.
    if (!this.up) this.#backoffMs = settings.backoffMs
  }

  /** Whether a client may be taken to it. */
  get usable(): boolean {
    return this.up || (this.#settings.check === null && performance.now() >= this.#retryAt)
  }

  /** A client is taken to it: where it is down, no other is until that is over, or nobody will tell what became of it. */
  begin(): void {
    if (this.up) return
    this.trial = true
    this.#retryAt = performance.now() + Math.max(this.#backoffMs, this.#settings.connectMs)
  }

  connected(): void {
    this.#failures = 0
    // One client's luck does not outweigh the checks.
    if (this.up || this.#settings.check === null) this.#rise()
  }

  failed(why: string): void {
    this.#failures++
    const { failuresMax, backoffMs } = this.#settings
    if (this.trial) this.#backoffMs = Math.min(2 * this.#backoffMs, Math.max(backoffMs, backoffMsMax))
    else if (this.up) this.#backoffMs = backoffMs
    if (this.trial || (failuresMax > 0 && this.#failures >= failuresMax)) this.#fall(why)
  }

  /** `why` it failed, or null where the check succeeded. */
  checked(why: string | null): void {
    const { check } = this.#settings
    if (check === null) return
    const first = !this.#checked
    this.#checked = true
    if ((why === null) === this.up) {
      this.#contrary = 0
      return
    }
    this.#contrary++
    if (!first && this.#contrary < (why === null ? check.rise : check.fall)) return
    if (why === null) this.#rise()
    else this.#fall(why)
  }

  #rise(): void {
    this.up = true
    this.why = ''
    this.trial = false
    this.#failures = 0
    this.#contrary = 0
  }

  #fall(why: string): void {
    this.up = false
    this.why = why
    this.trial = false
    this.#contrary = 0
    this.#retryAt = performance.now() + this.#backoffMs
  }
}
