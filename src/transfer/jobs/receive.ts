/**
 * `receive(socket, pool)`: what arrives on a socket or pipe, in leases of a pool.
 *
 * Bytes are received when a lease is asked for, straight into its slot, and never ahead of that: whenever receiving
 * stops, what has not been handed out is still in the kernel, or goes back to Node's stream.
 */
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { SluiceError } from '../../base/errors.js'
import { checkInteger, show } from '../../base/options.js'
import { completeLease, kernelBytes, type Lease, retireLease, submitLease } from '../../memory/lease.js'
import { Pool } from '../../memory/pool.js'
import { native } from '../../native/load.js'
import { type StreamEnd, sourceTarget } from '../ends/endpoints.js'
import { sourceOf } from '../ends/ends.js'
import { DescriptorSource, SourceHold } from '../ends/source-hold.js'
import { useSource } from '../ends/source-use.js'
import { aborted, watchLimits } from '../interrupt.js'
import { kindOf, sourceObstacle } from '../plan/plan-relay.js'
import { DescriptorInlet, type Inlet, StreamInlet } from './inlet.js'

export interface ReceiveOptions {
  /** Ends the iteration with ERR_SLUICE_ABORTED; nothing that was not handed out is lost. */
  signal?: AbortSignal | undefined
  /** Ends the iteration after so many bytes; what comes after them stays where it is. */
  bytesMax?: number | undefined
}

/**
 * What arrives until the peer ends, in leases whose `length` is set; each is the program's to release. Where the pool
 * has no free slot it is waited for one, and nothing is read meanwhile: that stops the peer. What Node had read before
 * comes first. The socket is neither ended nor destroyed; leaving the loop gives reading back to Node. TLS and other
 * streams are copied from. Reading begins with the first lease that is asked for.
 *
 * @throws ERR_SLUICE_OPTION; while iterating ERR_SLUICE_ABORTED, ERR_SLUICE_PEER_CLOSED, ERR_SLUICE_SOCKET_CLOSED,
 *   ERR_SLUICE_IN_FLIGHT, ERR_SLUICE_POOL_EMPTY where too many wait for the pool, ERR_SLUICE_CLOSED where it is closed,
 *   ERR_SLUICE_ADDON where a bare descriptor is given without the addon
 */
export function receive(
  from: Readable | StreamEnd,
  pool: Pool,
  { signal, bytesMax = Number.MAX_SAFE_INTEGER }: ReceiveOptions = {},
): AsyncIterableIterator<Lease> {
  const end = sourceOf(from)
  if (end.kind !== 'socket' && end.kind !== 'pipe')
    throw new SluiceError('ERR_SLUICE_OPTION', `receive() takes a socket or a pipe, not a ${end.kind}`)
  if (!(pool instanceof Pool))
    throw new SluiceError('ERR_SLUICE_OPTION', `receive() takes a Pool, not ${show(pool)}`)
  checkInteger('bytesMax', bytesMax, { min: 0 })
  return new Receiving(end, pool, signal, bytesMax)
}

class Receiving implements AsyncIterableIterator<Lease> {
  readonly #end: StreamEnd
  readonly #pool: Pool
  readonly #signal: AbortSignal | undefined
  #bytesLeft: number
  #inlet: Inlet | null = null
  #giveBack: () => void = nothing
  #stopLimits: () => void = nothing
  /** Ends the wait for a slot. */
  readonly #waiting = new AbortController()
  /** Ended from outside: by an abort, with its error, or by return(). */
  #stopped = false
  #error: SluiceError | null = null
  #closed = false
  /** Calls of next() are answered one after the other. */
  #last: Promise<unknown> | null = null

  constructor(end: StreamEnd, pool: Pool, signal: AbortSignal | undefined, bytesMax: number) {
    this.#end = end
    this.#pool = pool
    this.#signal = signal
    this.#bytesLeft = bytesMax
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Lease, undefined>> {
    // The first begins at once: a descriptor may be closed by its owner, and Node reads nothing more.
    const answer = this.#last === null ? this.#next() : this.#last.then(() => this.#next())
    this.#last = answer.catch(nothing)
    return answer
  }

  async return(): Promise<IteratorResult<Lease, undefined>> {
    this.#stop(null)
    await this.#last
    await this.#close()
    return over
  }

  async #next(): Promise<IteratorResult<Lease, undefined>> {
    if (this.#closed) return over
    try {
      this.#inlet ??= this.#open()
      const lease = this.#bytesLeft === 0 ? null : await this.#receive(this.#inlet)
      if (lease !== null) return { done: false, value: lease }
    } catch (error) {
      const stopped = this.#stopped
      await this.#close()
      // What was waited for fails when it is stopped, which says nothing.
      if (!stopped) throw error
    }
    await this.#close()
    if (this.#error !== null) throw this.#error
    return over
  }

  /** The next bytes; null at the end, or where it was stopped. */
  async #receive(inlet: Inlet): Promise<Lease | null> {
    while (!this.#stopped) {
      const lease = this.#pool.tryTake() ?? (await this.#pool.take({ signal: this.#waiting.signal }))
      const count = this.#fill(inlet, lease)
      if (count > 0) {
        this.#bytesLeft -= count
        return lease
      }
      if (count === 0) return null
      await inlet.ready()
    }
    return null
  }

  /** Receives into the slot, or gives it back → the bytes, 0 at the end, or -1 where there is nothing now. */
  #fill(inlet: Inlet, lease: Lease): number {
    submitLease(lease)
    let count = 0
    try {
      // Nothing is received that nobody would get.
      if (this.#stopped) return 0
      const bytes = kernelBytes(lease)
      count = inlet.fill(bytes.length <= this.#bytesLeft ? bytes : bytes.subarray(0, this.#bytesLeft))
    } finally {
      if (count > 0) completeLease(lease, count)
      else retireLease(lease)
    }
    return count
  }

  #open(): Inlet {
    const signal = this.#signal
    if (signal?.aborted) throw aborted(signal)
    const target = sourceTarget(this.#end)
    const letGo = useSource(target)
    try {
      const inlet = this.#inletFor(target)
      this.#giveBack = letGo
      this.#stopLimits = watchLimits({ signal }, error => this.#stop(error))
      return inlet
    } catch (error) {
      letGo()
      throw error
    }
  }

  #inletFor(target: Readable | number): Inlet {
    if (typeof target !== 'number') {
      if (native === null || sourceObstacle(target, kindOf(target)) !== '') return new StreamInlet(target)
      return new DescriptorInlet(native, new SourceHold(target as Socket))
    }
    if (native === null) throw new SluiceError('ERR_SLUICE_ADDON', 'Receiving from a bare descriptor')
    return new DescriptorInlet(native, new DescriptorSource(native, target))
  }

  #stop(error: SluiceError | null): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#error = error
    this.#waiting.abort()
    this.#inlet?.interrupt()
  }

  async #close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#stopLimits()
    await this.#inlet?.close()
    this.#giveBack()
  }
}

const over = { done: true, value: undefined } as const

function nothing(): void {}
