/** The plan for what goes from socket to socket. */
import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { defaultEngine, engineMissing } from '../engine/default.js'
import type { StreamTarget } from './endpoints.js'
import { descriptorOf } from './held-socket.js'
import type { PathName, Plan, PlanOptions } from './path.js'

export const relayPathNames = ['splice', 'copy'] as const satisfies readonly PathName[]

const bySplice: Plan = {
  path: 'splice',
  why: 'what arrives is passed on by reference, through a pipe',
  rejected: [],
}

export function planRelay(from: Socket, to: StreamTarget, { prefer }: PlanOptions): Plan {
  const why = prefer === 'copy' ? 'copying was asked for' : spliceObstacle(from, to)
  return why === '' ? bySplice : { path: 'copy', why, rejected: [{ path: 'splice', why }] }
}

/** Why splice cannot be used, or an empty string where it can. */
function spliceObstacle(from: Socket, to: StreamTarget): string {
  if (defaultEngine() === null) return `there is no addon: ${engineMissing()}`
  const source = socketObstacle(from)
  if (source !== '') return `the source ${source}`
  if (!(to instanceof Socket)) return 'the sink is a stream without a socket'
  const sink = socketObstacle(to)
  return sink === '' ? '' : `the sink ${sink}`
}

function socketObstacle(socket: Socket): string {
  if ((socket as Partial<TLSSocket>).encrypted === true) return 'is encrypted by TLS in user space'
  return descriptorOf(socket) < 0 ? 'has no descriptor: it is closed, or not connected yet' : ''
}
