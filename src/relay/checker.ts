/** Connects to upstreams from time to time, and says of each whether that succeeded. */
import { connect, type Socket } from 'node:net'
import type { CheckSettings } from './options.js'
import { writeOwnHeader } from './proxy-header.js'
import { isShortage } from './shortage.js'
import type { Upstream } from './upstream.js'

/** Within which the first check of an upstream begins: many that join at once are not checked at once. */
const firstWithinMs = 200
/** By how much of the interval the time between two checks varies, so that proxies do not fall into step. */
const jitter = 0.1

export class Checker {
  #settings: CheckSettings | null
  readonly #watches = new Map<Upstream, Watch>()

  /** Null where nobody is checked. */
  constructor(settings: CheckSettings | null) {
    this.#settings = settings
  }

  set settings(settings: CheckSettings | null) {
    this.#settings = settings
    for (const upstream of [...this.#watches.keys()]) {
      this.#watches.get(upstream)!.end()
      this.#begin(upstream)
    }
  }

  watch(upstream: Upstream): void {
    if (!this.#watches.has(upstream)) this.#begin(upstream)
  }

  forget(upstream: Upstream): void {
    this.#watches.get(upstream)?.end()
    this.#watches.delete(upstream)
  }

  close(): void {
    for (const upstream of [...this.#watches.keys()]) this.forget(upstream)
  }

  #begin(upstream: Upstream): void {
    this.#watches.set(upstream, new Watch(upstream, this.#settings))
  }
}

/** One upstream: never more than one check at a time, and a timer that keeps no process alive. */
class Watch {
  readonly #upstream: Upstream
  #timer: NodeJS.Timeout | null = null
  #socket: Socket | null = null

  constructor(upstream: Upstream, settings: CheckSettings | null) {
    this.#upstream = upstream
    if (settings !== null) this.#after(Math.random() * Math.min(firstWithinMs, settings.intervalMs), settings)
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#socket?.removeAllListeners('connect').destroy()
    this.#socket = null
  }

  #after(ms: number, settings: CheckSettings): void {
    this.#timer = setTimeout(() => this.#check(settings), ms)
    this.#timer.unref()
  }

  #check(settings: CheckSettings): void {
    const { address } = this.#upstream
    const socket = connect('path' in address ? address : { host: address.address, port: address.port })
    this.#socket = socket.unref()
    this.#timer = setTimeout(() => this.#done(socket, 'check timed out', settings), settings.timeoutMs)
    this.#timer.unref()
    socket.once('connect', () => {
      const { proxyOut } = settings
      // Who expects a header would take a connection without one for a fault of ours, and say so each time.
      if (proxyOut !== 0) socket.write(writeOwnHeader(proxyOut))
      this.#done(socket, null, settings)
    })
    socket.on('error', ({ code, errno = 0 }: NodeJS.ErrnoException) => {
      // What this process is short of says nothing of the upstream.
      if (isShortage(errno)) this.#over(socket, settings)
      else this.#done(socket, `check: ${code}`, settings)
    })
  }

  #done(socket: Socket, why: string | null, settings: CheckSettings): void {
    if (this.#over(socket, settings)) this.#upstream.checked(why)
  }

  /** Goes on to the next check → whether this one counts: an error that comes after its end is nobody's. */
  #over(socket: Socket, settings: CheckSettings): boolean {
    if (this.#socket !== socket) return false
    this.end()
    const { intervalMs } = settings
    this.#after(intervalMs * (1 + jitter * (2 * Math.random() - 1)), settings)
    return true
  }
}
