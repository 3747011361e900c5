/** Ends connections on which nothing has moved for too long, or that are too old: all are looked at now and then. */
import { performance } from 'node:perf_hooks'
import type { ProxySettings } from './options.js'

/** So often in the shortest limit, that what is late is late by a fifth of it at most. */
const looksInLimit = 10
const lookMsMin = 10
/** Of limits that are longer nobody counts the seconds. */
const lookMsMax = 1000

/** What is limited: a `Session`. */
export interface Timed {
  /** By `performance.now()`. */
  readonly beganMs: number
  lastMs: number
  readonly halfClosed: boolean
  takeMoved(): boolean
  cut(ending: 'idle' | 'half-closed' | 'lifetime'): void
}

type Limits = Pick<ProxySettings, 'idleMs' | 'halfClosedMs' | 'lifetimeMs'>

export class TimeLimits {
  readonly #sessions: ReadonlyMap<Timed, unknown>
  #limits: Limits
  #timer: NodeJS.Timeout

  /** Looks at those that are in `sessions` then. */
  constructor(sessions: ReadonlyMap<Timed, unknown>, limits: Limits) {
    this.#sessions = sessions
    this.#limits = limits
    this.#timer = this.#begin()
  }

  /** From now on, for connections that are open too. */
  set limits(limits: Limits) {
    clearInterval(this.#timer)
    this.#limits = limits
    this.#timer = this.#begin()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #begin(): NodeJS.Timeout {
    return setInterval(() => this.#look(), lookMsFor(this.#limits)).unref()
  }

  #look(): void {
    const nowMs = performance.now()
    const { idleMs, halfClosedMs, lifetimeMs } = this.#limits
    for (const session of this.#sessions.keys()) {
      if (session.takeMoved()) session.lastMs = nowMs
      const quietMs = nowMs - session.lastMs
      if (nowMs - session.beganMs > lifetimeMs) session.cut('lifetime')
      else if (session.halfClosed && quietMs > halfClosedMs) session.cut('half-closed')
      else if (quietMs > idleMs) session.cut('idle')
    }
  }
}

function lookMsFor({ idleMs, halfClosedMs, lifetimeMs }: Limits): number {
  const shortestMs = Math.min(idleMs, halfClosedMs, lifetimeMs)
  return Math.min(Math.max(shortestMs / looksInLimit, lookMsMin), lookMsMax)
}
