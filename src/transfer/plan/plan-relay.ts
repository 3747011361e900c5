/** The plan for what goes from a stream to a stream: sockets, pipes, and whatever else Node reads and writes. */
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { defaultEngine, engineMissing } from '../../engine/default.js'
import { native } from '../../native/load.js'
import { isEncrypted } from '../ends/encrypted.js'
import type { SinkTarget } from '../ends/endpoints.js'
import { descriptorOf } from '../ends/held-socket.js'
import { kindOfDescriptor, kindOfSocket, type SinkKind } from '../ends/sink-kind.js'
import { choose } from './choose.js'
import type { PairName } from './costs.js'
import type { PathName, Plan, PlanOptions } from './path.js'

export const relayPathNames = ['splice', 'copy'] as const satisfies readonly PathName[]

/** `refusal`: why splice turned out to be impossible, where it was tried. */
export function planRelay(
  from: Readable | number,
  to: SinkTarget,
  options: PlanOptions,
  refusal: string | null = null,
): Plan {
  const source = kindOf(from)
  const sink = kindOf(to)
  const isDirect = source === 'pipe' || sink === 'pipe'
  const candidates = [
    {
      path: 'splice',
      advantage: isDirect
        ? 'what arrives is passed on by reference, from end to end'
        : 'what arrives is passed on by reference, through a pipe',
      obstacle: refusal ?? spliceObstacle(from, source, to, sink),
    },
    { path: 'copy', advantage: 'reading and writing work everywhere', obstacle: '' },
  ] as const
  return choose(pairOf(source, sink), candidates, options)
}

/** What the descriptor under an end truly is; a stream that has none counts as a TCP socket. */
export function kindOf(end: object | number): SinkKind {
  if (native === null) return 'tcp'
  if (typeof end === 'number') return kindOfDescriptor(native, end)
  return end instanceof Socket ? kindOfSocket(native, end) : 'tcp'
}

/** Why bytes cannot be spliced from it, as what follows "the source"; an empty string where they can. */
export function sourceObstacle(from: Readable | number, kind: SinkKind): string {
  if (typeof from === 'number') return kind === 'other' ? 'is neither a socket nor a pipe' : ''
  if (!(from instanceof Socket)) return 'is a stream without a socket'
  if (isEncrypted(from)) return 'is encrypted by TLS in user space'
  return descriptorOf(from) < 0 ? 'has no descriptor: it is closed, or not connected yet' : ''
}

/** Why splice cannot be used, or an empty string where it can. */
function spliceObstacle(from: Readable | number, source: SinkKind, to: SinkTarget, sink: SinkKind): string {
  if (defaultEngine() === null) return `there is no addon: ${engineMissing()}`
  const atSource = sourceObstacle(from, source)
  if (atSource !== '') return `the source ${atSource}`
  const atSink = sinkObstacle(to, sink)
  return atSink === '' ? '' : `the sink ${atSink}`
}

/** Why bytes cannot be spliced to it, as what follows "the sink"; an empty string where they can. */
export function sinkObstacle(to: SinkTarget, kind: SinkKind): string {
  if (typeof to === 'number') return kind === 'other' ? 'is neither a socket nor a pipe' : ''
  if (!(to instanceof Socket)) return 'is a stream without a socket'
  if (isEncrypted(to)) return 'is encrypted by TLS in user space'
  return !to.pending && descriptorOf(to) < 0 ? 'has no descriptor' : ''
}

function pairOf(source: SinkKind, sink: SinkKind): PairName {
  return `${source === 'pipe' ? 'pipe' : 'socket'} → ${sink === 'pipe' ? 'pipe' : 'socket'}`
}
