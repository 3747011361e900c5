/** One side of a connection in a soak: sends by its plan, and checks every byte that it receives. */
import type { Socket } from 'node:net'
import { pause } from '../../support/eventually.js'
import { Random } from '../../support/random.js'
import { reset, wasReset } from './break.js'
import type { SidePlan } from './plan.js'
import type { Reference } from './reference.js'

export interface SideReport {
  /** What it sent, or was about to. */
  sent: number
  /** Whether it said that there is no more. */
  ended: boolean
  received: number
  /** Whether the other side said that there is no more. */
  sawEnd: boolean
  /** The offset of the first byte that was wrong, or -1. */
  wrongAt: number
  /** The error that the connection broke with, or an empty string. */
  error: string
}

export interface SideEnds {
  readonly socket: Socket
  readonly plan: SidePlan
  readonly sends: Reference
  readonly expects: Reference
  /** Filled as it goes on. */
  readonly report: SideReport
}

/** A piece of one byte each makes many calls: of a large stream only the beginning goes like that. */
const piecesMax = 300

export function emptyReport(): SideReport {
  return { sent: 0, ended: false, received: 0, sawEnd: false, wrongAt: -1, error: '' }
}

/** Resolves when the socket is closed. The socket stays open when the other side ends. */
export async function runSide({ socket, plan, sends, expects, report }: SideEnds): Promise<void> {
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  const seenEnd = new Promise<void>(resolve => socket.once('end', resolve))
  socket.on('error', error => {
    report.error ||= (error as NodeJS.ErrnoException).code ?? error.message
  })
  socket.once('end', () => {
    if (wasReset(socket)) report.error ||= 'ECONNRESET'
    else report.sawEnd = true
  })
  receive(socket, plan, expects, report)
  if (plan.waitsForEnd) await Promise.race([seenEnd, closed])
  await send(socket, plan, sends, report, closed)
  await closed
}

/** Checks what arrives, from where the report is. */
export function receive(
  socket: Socket,
  { stallEvery, stallMs }: Pick<SidePlan, 'stallEvery' | 'stallMs'>,
  expects: Reference,
  report: SideReport,
): void {
  let nextStall = stallEvery
  socket.on('data', (bytes: Buffer) => {
    if (report.wrongAt === -1) report.wrongAt = expects.wrongAt(bytes, report.received)
    report.received += bytes.length
    if (report.received < nextStall) return
    nextStall = report.received + stallEvery
    socket.pause()
    setTimeout(() => socket.resume(), stallMs)
  })
}

async function send(
  socket: Socket,
  plan: SidePlan,
  sends: Reference,
  report: SideReport,
  closed: Promise<void>,
): Promise<void> {
  const random = new Random(plan.seed)
  for (let pieces = 0; report.sent < plan.bytes && !socket.destroyed; pieces++) {
    const least = pieces < piecesMax ? 1 : 64 * 1024
    const count = Math.min(least + random.below(plan.pieceBytes), plan.bytes - report.sent)
    const taken = socket.write(sends.bytes(report.sent, count))
    report.sent += count
    if (!taken) await Promise.race([new Promise(resolve => socket.once('drain', resolve)), closed])
    else if (random.below(plan.pauseEvery) === 0) await pause(random.below(3))
  }
  if (socket.destroyed) return
  if (plan.stop === 'reset') {
    reset(socket)
  } else if (plan.stop === 'leave') {
    socket.destroy()
  } else {
    report.ended = true
    socket.end()
  }
}
