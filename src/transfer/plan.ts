/** Which path a transfer takes, and why: pure, so that it can be asked without sending anything. */
import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { defaultEngine, engineMissing } from '../engine/default.js'
import { addonMissing } from '../native/load.js'
import {
  type FileSink,
  type FileSource,
  type SinkTarget,
  type SocketEnd,
  sinkStream,
  sourceFile,
  sourceSocket,
} from './endpoints.js'
import { descriptorOf } from './held-socket.js'
import type { PathName, Plan, PlanOptions } from './path.js'
import { pairBefore, planForFiles } from './plan-files.js'
import { planRelay } from './plan-relay.js'

export const pathNames = ['sendfile', 'copy'] as const satisfies readonly PathName[]

/** What a transfer between these two would do, as far as can be told before a file is opened. */
export function plan(
  from: FileSource | SocketEnd,
  to: SocketEnd | FileSink,
  options: PlanOptions = {},
): Plan {
  if (to.kind === 'file') return planForFiles(pairBefore(sourceFile(from), to, addonMissing), options)
  if (from.kind === 'socket') return planRelay(sourceSocket(from), sinkStream(to), options)
  return planFor(to.to, '', options)
}

const bySendfile: Plan = { path: 'sendfile', why: 'file pages go to the socket by reference', rejected: [] }

/** `sourceObstacle`: why the source does not allow sendfile, or an empty string where it does. */
export function planFor(to: SinkTarget, sourceObstacle: string, { prefer }: PlanOptions): Plan {
  if (prefer === 'copy') return copyBecause('copying was asked for')
  const obstacle = sendfileObstacle(to, sourceObstacle)
  return obstacle === '' ? bySendfile : copyBecause(obstacle)
}

export function copyBecause(why: string): Plan {
  return { path: 'copy', why, rejected: [{ path: 'sendfile', why }] }
}

/** Why sendfile cannot be used, or an empty string where it can. */
function sendfileObstacle(to: SinkTarget, sourceObstacle: string): string {
  if (defaultEngine() === null) return `there is no addon: ${engineMissing()}`
  if (sourceObstacle !== '') return sourceObstacle
  if (typeof to === 'number') return ''
  const socket = to instanceof ServerResponse ? to.socket : to
  if (to instanceof ServerResponse) {
    if (isChunked(to)) return 'the response is chunked'
    if (to.write !== ServerResponse.prototype.write) return "other code replaced the response's write()"
    if (to.strictContentLength) return 'the response counts its own bytes (strictContentLength)'
    if (socket === null) return ''
  }
  if ((socket as Partial<TLSSocket>).encrypted === true) return 'TLS encrypts in user space'
  if (!(socket instanceof Socket)) return 'the sink is a stream without a socket'
  if (!socket.pending && descriptorOf(socket) < 0) return 'the socket has no descriptor'
  return ''
}

/** Before the head is made its lines tell, after that it is decided. */
function isChunked(res: ServerResponse): boolean {
  return res.chunkedEncoding || /\bchunked\b/i.test(String(res.getHeader('transfer-encoding') ?? ''))
}
