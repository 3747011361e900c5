/**
 * Hot: makes a stream that has proved to be bulk come in larger pieces. The kernel wakes for every arrival; with
 * SO_RCVLOWAT raised it wakes when there is much to be had, socket(7). End and reset are noticed all the same.
 *
 * What comes less than that would stay where it is, so a timer runs while the flow waits: when it fires, the option
 * is put back, and the flow takes what there is. A stream that soon stops has to prove itself for longer each time. The
 * kernel allows at most half of what the receive buffer may hold (tcp_rmem), so it cannot be asked for more than can
 * arrive; where a buffer's overhead leaves less, the timer helps.
 */
import { performance } from 'node:perf_hooks'
import { KiB } from '../../base/units.js'
import type { Native } from '../../native/calls.js'

/** What is waited for at most. More makes no difference that can be measured; a pipe of 1 MiB takes it in one call. */
const lowWaterMax = 512 * KiB
/** Less is not worth the asking. */
const lowWaterMin = 128 * KiB
/** In which time the low-water mark is to be reached, by the rate so far. */
const lowWaterMs = 2
/**
 * At what rate, 400 Mbit/s, and for how long a stream counts as bulk: for one window at first, and for twice as many in
 * a row after each time that it has stopped soon.
 */
const bulkBytesPerMs = 48 * KiB
const windowMs = 4
const windowsMax = 64
/** A stream that was bulk for so long may stop without being doubted. */
const trustedMs = 100
/** How long a tail may stay where it is: longer than a bulk stream takes to bring the low-water mark. */
const quietMs = 5

export class Bulk {
  readonly #native: Native
  readonly #fd: number
  readonly #isTcp: boolean
  /** Called when the flow has proved to be bulk, each time. */
  readonly #onProved: () => void
  /** Called when nothing, or little, came for a while. */
  readonly #onQuiet: () => void
  #windowsNeeded = 1
  #windows = 0
  /** When the option was raised last. */
  #raisedAt = 0
  /** When the present window began, and what had been taken then. */
  #windowStart = performance.now()
  #windowTaken: number
  /** What the option was before; 0 while it is not raised. */
  #original = 0
  #waiting = false
  #timer: NodeJS.Timeout | null = null

  constructor(
    native: Native,
    /** `takenBytes`: what had been taken before. */
    { fd, isTcp, takenBytes = 0 }: { fd: number; isTcp: boolean; takenBytes?: number },
    onProved: () => void,
    onQuiet: () => void,
  ) {
    this.#native = native
    this.#fd = fd
    this.#isTcp = isTcp
    this.#windowTaken = takenBytes
    this.#onProved = onProved
    this.#onQuiet = onQuiet
  }

  /** Whether the kernel waits for much, until nothing comes for a while. */
  get raised(): boolean {
    return this.#original !== 0
  }

  /** The flow will wait for its source, of which it has taken `takenBytes` in all. */
  wait(takenBytes: number): void {
    this.#waiting = true
    if (this.raised) this.#timer!.refresh()
    else this.#judge(takenBytes)
  }

  /** The flow goes on. */
  go(): void {
    this.#waiting = false
  }

  /** Ends all; `open` says whether the descriptor is still the source's. */
  end(open: boolean): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (open) this.#putBack()
  }

  #judge(takenBytes: number): void {
    const now = performance.now()
    const elapsedMs = now - this.#windowStart
    if (elapsedMs < windowMs) return
    const bytesPerMs = (takenBytes - this.#windowTaken) / elapsedMs
    this.#windowStart = now
    this.#windowTaken = takenBytes
    this.#windows = bytesPerMs >= bulkBytesPerMs ? this.#windows + 1 : 0
    if (this.#windows >= this.#windowsNeeded) this.#raise(now, bytesPerMs)
  }

  #raise(now: number, bytesPerMs: number): void {
    this.#windows = 0
    this.#raisedAt = now
    this.#onProved()
    if (!this.#isTcp) return
    const lowWater = Math.min(Math.max(Math.floor(bytesPerMs * lowWaterMs), lowWaterMin), lowWaterMax)
    const { SOL_SOCKET, SO_RCVLOWAT } = this.#native
    const original = this.#native.getsockoptInt(this.#fd, SOL_SOCKET, SO_RCVLOWAT)
    // A program that has raised it itself knows why.
    if (original !== 1) return
    if (this.#native.setsockoptInt(this.#fd, SOL_SOCKET, SO_RCVLOWAT, lowWater) < 0) return
    this.#original = original
    if (this.#timer === null) {
      this.#timer = setTimeout(this.#tick, quietMs)
      this.#timer.unref()
    } else {
      this.#timer.refresh()
    }
  }

  readonly #tick = (): void => {
    if (!this.raised) return
    // The sink is what is waited for: the next wait for the source starts the timer again.
    if (!this.#waiting) return
    const trusted = performance.now() - this.#raisedAt >= trustedMs
    this.#windowsNeeded = trusted ? 1 : Math.min(this.#windowsNeeded * 2, windowsMax)
    this.#putBack()
    this.#onQuiet()
  }

  #putBack(): void {
    if (!this.raised) return
    const { SOL_SOCKET, SO_RCVLOWAT } = this.#native
    this.#native.setsockoptInt(this.#fd, SOL_SOCKET, SO_RCVLOWAT, this.#original)
    this.#original = 0
  }
}
