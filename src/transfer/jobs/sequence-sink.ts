/**
 * The sink of a list: taken once, from the first part to the last. Where bytes can go to its descriptor it is held,
 * and over TCP corked, so that a small head or trailer shares its packets with what is next to it.
 */
import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { native } from '../../native/load.js'
import type { Claim } from '../ends/claim.js'
import { closedError } from '../ends/closed.js'
import { Cork } from '../ends/cork.js'
import { holdDescriptor } from '../ends/descriptor-hold.js'
import { DescriptorStream } from '../ends/descriptor-stream.js'
import type { SinkTarget, StreamTarget } from '../ends/endpoints.js'
import { connectionOf, hasBody, headOf, noteBody, prepareHead } from '../ends/response.js'
import { holdSocket, type SocketHold } from '../ends/socket-hold.js'
import { Turn } from '../ends/turn.js'
import type { Interruption } from '../interruption.js'
import type { PathName } from '../plan/path.js'
import { obstacleTo, sinkKindOf } from '../plan/plan-send.js'
import type { TakenSink } from './part-run.js'

export interface SinkUse {
  readonly to: SinkTarget
  readonly claim: Claim
  /** Bytes that will be sent, or null where nobody knows. */
  readonly bytes: number | null
  readonly prefer: PathName | undefined
  readonly interruption: Interruption
  /** Sends everything: `head`, which is none of the bytes, and then the parts. */
  readonly send: (sink: TakenSink, head: string) => Promise<void>
  /** Bytes that were sent so far. */
  readonly sentBytes: () => number
}

/** Takes the sink in its turn, calls `send`, and lets go of it whatever happens. A response without a body gets its head only. */
export async function useSink(use: SinkUse): Promise<void> {
  const { to, claim } = use
  await comes(use, claim.turn)
  if (to instanceof ServerResponse) await toResponse(use, to)
  else if (typeof to === 'number') await toDescriptor(use, claim.fd)
  else await toStream(use, to, to as Socket)
}

function comes({ interruption }: SinkUse, turn: Turn): Promise<void> {
  return interruption.or(new Promise<void>(resolve => turn.whenCome(resolve)))
}

async function toResponse(use: SinkUse, res: ServerResponse): Promise<void> {
  const socket = await use.interruption.or(Promise.resolve(connectionOf(res)))
  // The connection is not the response's alone.
  const turn = new Turn(socket)
  try {
    await comes(use, turn)
    if (res.writableEnded) throw closedError(res)
    const bodyLeft = prepareHead(res, use.bytes)
    if (!hasBody(res)) return void res.end()
    await toBody(use, res, socket)
    if (use.sentBytes() === bodyLeft) res.end()
  } finally {
    turn.leave()
  }
}

/** Later transfers may send what this one has not. */
async function toBody(use: SinkUse, res: ServerResponse, socket: Socket): Promise<void> {
  try {
    await toStream(use, res, socket)
  } finally {
    noteBody(res, use.sentBytes())
  }
}

async function toStream(use: SinkUse, to: StreamTarget, socket: Socket): Promise<void> {
  const obstacle = obstacleTo(to)
  if (obstacle !== '') return await use.send(taken(use, { to, hold: null, stream: to, obstacle }), '')
  const isResponse = to instanceof ServerResponse
  const head = isResponse ? headOf(to) : null
  // Without access to the head, Node sends it now, in a packet of its own.
  if (isResponse && head === null) to.flushHeaders()
  const holding = Promise.resolve(holdSocket(socket, to))
  const hold = await use.interruption.or(holding, late => late.release())
  await toHeld(use, to, hold, head?.take() ?? '')
}

async function toDescriptor(use: SinkUse, fd: number): Promise<void> {
  const isOther = native !== null && sinkKindOf(fd) === 'other'
  const obstacle = obstacleTo(fd) || (isOther ? 'the descriptor is neither a socket nor a pipe' : '')
  const hold = native === null ? null : holdDescriptor(native, fd)
  if (obstacle === '') return await toHeld(use, fd, hold!, '')
  const stream = new DescriptorStream(fd)
  try {
    await use.send(taken(use, { to: fd, hold: null, stream, obstacle }), '')
  } finally {
    await new Promise<void>(resolve => stream.close(resolve))
    hold?.release()
  }
}

async function toHeld(use: SinkUse, to: SinkTarget, hold: SocketHold, head: string): Promise<void> {
  const cork = hold.open && sinkKindOf(to) === 'tcp' ? new Cork(native!, hold.fd) : null
  try {
    await use.send(taken(use, { to, hold, stream: null, obstacle: '', cork }), head)
  } finally {
    if (hold.open) cork?.set(false)
    hold.release()
  }
}

function taken(
  { prefer, interruption }: SinkUse,
  sink: Pick<TakenSink, 'to' | 'hold' | 'stream' | 'obstacle'> & Partial<Pick<TakenSink, 'cork'>>,
): TakenSink {
  return { cork: null, ...sink, prefer, interruption }
}
