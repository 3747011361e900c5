/**
 * Socket to socket: everything that arrives on one is sent on the other, until the source ends.
 *
 * By splice where both are plain sockets, else by copying. Neither end is ended or destroyed: what the end of the
 * source means for the sink is for the caller to say. When a relay is cut short, what was on its way is lost.
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Readable } from 'node:stream'
import { SluiceError } from '../base/errors.js'
import { defaultEngine } from '../engine/default.js'
import { native } from '../native/load.js'
import { Claim } from './claim.js'
import type { StreamTarget } from './endpoints.js'
import { watchLimits } from './interrupt.js'
import type { TransferOptions, TransferResult } from './job.js'
import type { CopyDone } from './paths/copy.js'
import { copyStream } from './paths/copy-stream.js'
import { SpliceFlow } from './paths/splice.js'
import { PipePool } from './pipe-pool.js'
import { planRelay } from './plan-relay.js'
import { holdSocket, type SocketHold } from './socket-hold.js'
import { SourceHold } from './source-hold.js'

const pipes = native === null ? null : new PipePool(native)
/** Sources that are being read: two readers would each get some of the bytes. */
const inUse = new WeakSet<Readable>()

interface Relay extends Pick<TransferOptions, 'onProgress'> {
  readonly from: Socket
  readonly to: StreamTarget
  readonly interruption: Interruption
}

/** How a relay ended, and how many of its bytes were copied on the way. */
interface RelayDone extends CopyDone {
  readonly copiedBytes: number
}

export async function relay(
  from: Socket,
  to: StreamTarget,
  options: TransferOptions,
): Promise<TransferResult> {
  if (inUse.has(from))
    throw new SluiceError('ERR_SLUICE_IN_FLIGHT', 'The socket is the source of another transfer')
  const began = performance.now()
  const plan = planRelay(from, to, options)
  const claim = new Claim(to)
  inUse.add(from)
  const interruption = new Interruption()
  const stopLimits = watchLimits(options, error => interruption.raise(error))
  try {
    await interruption.or(new Promise<void>(resolve => claim.turn.whenCome(resolve)))
    const run = plan.path === 'splice' ? spliceAll : copyAll
    const { error, sentBytes, copiedBytes } = await run({
      from,
      to,
      onProgress: options.onProgress,
      interruption,
    })
    if (error !== null) {
      if (error instanceof SluiceError) error.bytes = sentBytes
      throw error
    }
    const { path, why } = plan
    return { bytes: sentBytes, path, why, copied: copiedBytes, ms: performance.now() - began }
  } finally {
    stopLimits()
    inUse.delete(from)
    claim.end()
  }
}

async function spliceAll({ from, to, onProgress, interruption }: Relay): Promise<RelayDone> {
  const source = new SourceHold(from)
  const earlyBytes = source.early?.length ?? 0
  let sink: SocketHold | null = null
  try {
    sink = await interruption.or(holdSink(to as Socket, source.early), late => late.release())
    const pipe = pipes!.take()
    const held = sink
    return await new Promise(resolve => {
      const flow = new SpliceFlow(
        native!,
        defaultEngine()!,
        { source, sink: held, pipe },
        onProgress && (sentBytes => onProgress(earlyBytes + sentBytes)),
        (error, sentBytes, empty) => {
          pipes!.give(pipe, empty)
          resolve({ error, sentBytes: earlyBytes + sentBytes, copiedBytes: earlyBytes })
        },
      )
      interruption.pass(error => flow.interrupt(error))
      flow.begin()
    })
  } catch (error) {
    return { error, sentBytes: 0, copiedBytes: 0 }
  } finally {
    sink?.release()
    source.release()
  }
}

/** Takes the sink after what Node had read of the source before has gone out there. */
async function holdSink(sink: Socket, early: Buffer | null): Promise<SocketHold> {
  if (early !== null) sink.write(early)
  return await holdSocket(sink)
}

async function copyAll({ from, to, onProgress, interruption }: Relay): Promise<RelayDone> {
  const run = copyStream(from, to, onProgress)
  interruption.pass(error => run.interrupt(error))
  const done = await run.done
  return { ...done, copiedBytes: done.sentBytes }
}

/** What ended the relay from outside, for whatever it waits for at that time. */
class Interruption {
  #error: SluiceError | null = null
  #listener: ((error: SluiceError) => void) | null = null

  raise(error: SluiceError): void {
    this.#error = error
    this.#listener?.(error)
  }

  /** Passes the interruption to what runs from now on. */
  pass(listener: (error: SluiceError) => void): void {
    this.#listener = listener
    if (this.#error !== null) listener(this.#error)
  }

  /** The value, unless the interruption comes first; `giveBack` gets a value that comes too late. */
  or<Value>(value: Promise<Value>, giveBack?: (value: Value) => void): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.pass(reject)
      value.then(held => {
        if (this.#error !== null) giveBack?.(held)
        resolve(held)
      }, reject)
    })
  }
}
