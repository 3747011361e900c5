/** `relay(a, b)`: two sockets that a program has connected itself become one connection. */
import { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { Duplex } from 'node:stream'
import { SluiceError } from '../base/errors.js'
import { checkInteger, checkOneOf, show } from '../base/options.js'
import { closedError } from '../transfer/ends/closed.js'
import { isEncrypted } from '../transfer/ends/encrypted.js'
import { aborted, watchLimits } from '../transfer/interrupt.js'
import type { TransferResult } from '../transfer/jobs/job.js'
import { relayPathNames } from '../transfer/plan/plan-relay.js'
import { transfer } from '../transfer/transfer.js'
import { msMax } from './number-options.js'

/** Times are in milliseconds; 0, or not given, is for ever. */
export interface RelayOptions {
  /** Ends with ERR_SLUICE_ABORTED. */
  signal?: AbortSignal | undefined
  /** For how long nothing may move in either direction: ERR_SLUICE_DEADLINE. */
  idleMs?: number | undefined
  /** The same once one side has ended. */
  halfClosedMs?: number | undefined
  /** For the whole of it. */
  lifetimeMs?: number | undefined
  /** As `transfer` takes it. */
  prefer?: (typeof relayPathNames)[number] | undefined
}

export interface RelayResult {
  readonly aToB: TransferResult
  readonly bToA: TransferResult
  /** How long it took, in milliseconds. */
  readonly ms: number
}

/**
 * Passes on what arrives on either socket to the other, by splice(2) where both are plain sockets. The end of one
 * direction is passed on as an end, and the other goes on; both sockets are closed when both have ended. Where anything
 * fails, or one side is reset, both are: neither has got everything. The sockets are `relay`'s from now on.
 *
 * @throws ERR_SLUICE_OPTION; else the first failure, when nothing uses the sockets any more: ERR_SLUICE_PEER_CLOSED,
 *   ERR_SLUICE_SOCKET_CLOSED, ERR_SLUICE_DEADLINE, ERR_SLUICE_ABORTED
 */
export async function relay(a: Duplex, b: Duplex, options: RelayOptions = {}): Promise<RelayResult> {
  checkEnd('a', a)
  checkEnd('b', b)
  if (a === b) throw new SluiceError('ERR_SLUICE_OPTION', 'a and b must be two sockets, not one')
  for (const name of ['idleMs', 'halfClosedMs', 'lifetimeMs'] as const)
    if (options[name] !== undefined) checkInteger(name, options[name], { min: 0, max: msMax })
  if (options.prefer !== undefined) checkOneOf('prefer', options.prefer, relayPathNames)
  return await new Relay(a, b, options).run()
}

class Relay {
  readonly #a: Duplex
  readonly #b: Duplex
  readonly #options: RelayOptions
  readonly #cut = new AbortController()
  #quiet: NodeJS.Timeout | null = null
  #failed = false
  #error: unknown

  constructor(a: Duplex, b: Duplex, options: RelayOptions) {
    this.#a = a
    this.#b = b
    this.#options = options
  }

  async run(): Promise<RelayResult> {
    const began = performance.now()
    const ends = [this.#a, this.#b]
    for (const end of ends) {
      // Else Node ends what it sends where the other side has ended.
      end.allowHalfOpen = true
      // To the last: Node goes on with a socket that has no more use here until it is closed.
      end.on('error', error => this.#fail(closedError(end, error)))
    }
    const { signal, lifetimeMs, idleMs } = this.#options
    const stopLimits = watchLimits({ signal, deadlineMs: lifetimeMs || undefined }, error =>
      this.#fail(error),
    )
    if (signal?.aborted) this.#fail(aborted(signal))
    this.#limitQuiet(idleMs)
    await Promise.all(ends.map(end => connected(end, this.#cut.signal)))
    const [aToB, bToA] = await Promise.all([this.#pass(this.#a, this.#b), this.#pass(this.#b, this.#a)])
    stopLimits()
    this.#limitQuiet(0)
    if (aToB !== null && bToA !== null && !this.#failed) return { aToB, bToA, ms: performance.now() - began }
    for (const end of ends) reset(end)
    throw this.#error
  }

  /** null where it failed, which has been noted: the other direction is told, and ends before anything is closed. */
  async #pass(from: Duplex, to: Duplex): Promise<TransferResult | null> {
    try {
      const { prefer } = this.#options
      const onProgress = (): void => void this.#quiet?.refresh()
      const result = await transfer(from, to, { prefer, signal: this.#cut.signal, onProgress })
      to.end()
      // Nothing comes any more but the end, without which Node would not close it.
      from.resume()
      if (this.#options.halfClosedMs) this.#limitQuiet(this.#options.halfClosedMs)
      return result
    } catch (error) {
      this.#fail(error)
      return null
    }
  }

  #limitQuiet(ms: number | undefined): void {
    if (this.#quiet !== null) clearTimeout(this.#quiet)
    this.#quiet = null
    if (!ms) return
    this.#quiet = setTimeout(() => {
      const remedy = 'Raise idleMs or halfClosedMs, or find out why neither side sends.'
      this.#fail(new SluiceError('ERR_SLUICE_DEADLINE', `Nothing moved for ${ms} ms`, { remedy }))
    }, ms)
  }

  /** The first failure counts: the others follow from it. */
  #fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#error = error
    this.#cut.abort(error)
  }
}

/** @throws ERR_SLUICE_OPTION */
function checkEnd(name: 'a' | 'b', end: unknown): void {
  if (end instanceof Duplex) return
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `${name} must be a socket or another duplex stream, not ${show(end)}`,
  )
}

/** What is not connected yet has no descriptor to splice from. Resolves as well where it never will be. */
function connected(end: Duplex, cut: AbortSignal): Promise<void> {
  if (!(end instanceof Socket && end.connecting) || cut.aborted) return Promise.resolve()
  return new Promise(resolve => {
    for (const event of ['connect', 'close']) end.once(event, () => resolve())
    cut.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Node resets TCP only, and nothing that is encrypted above it. */
function reset(end: Duplex): void {
  const isPlainTcp = end instanceof Socket && end.remoteFamily !== undefined && !isEncrypted(end)
  if (isPlainTcp) end.resetAndDestroy()
  else end.destroy()
}
