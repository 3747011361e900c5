/** Hot: the plan for what goes from a file to a socket, a pipe, a response or another stream. */
import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { defaultEngine, engineMissing } from '../../engine/default.js'
import { native } from '../../native/load.js'
import { isEncrypted } from '../ends/encrypted.js'
import type { SinkTarget } from '../ends/endpoints.js'
import { descriptorOf } from '../ends/held-socket.js'
import { kindOfDescriptor, kindOfSocket, type SinkKind } from '../ends/sink-kind.js'
import { zerocopyCopies } from '../zerocopy-notices.js'
import { type Candidate, choose } from './choose.js'
import type { PairName } from './costs.js'
import type { PathName, Plan, PlanOptions } from './path.js'

export const sendPathNames = ['sendfile', 'splice', 'zerocopy', 'copy'] as const satisfies readonly PathName[]
type SendPath = (typeof sendPathNames)[number]

/** What decides between the paths. */
export interface Sending {
  /** A descriptor must be open. */
  readonly to: SinkTarget
  /** Why the source can only be copied, or an empty string where that is not so. */
  readonly sourceObstacle: string
  /** Paths that the kernel has refused between these two, each with a clause that says so. */
  readonly refused: ReadonlyMap<PathName, string> | null
  /** Number of bytes, where it is known. */
  readonly bytes: number | undefined
}

const advantages: Record<SendPath, string> = {
  sendfile: 'file pages are handed over by reference',
  splice: 'file pages are handed over by reference, through a pipe',
  zerocopy: 'the network card reads the mapped file',
  copy: 'reading and writing work everywhere',
}

const pairs: Record<SinkKind, PairName> = {
  tcp: 'file → tcp',
  unix: 'file → unix',
  pipe: 'file → pipe',
  other: 'file → pipe',
}

/** Where nothing speaks against the sink as such, the candidates are always the same. */
const usual: Record<SinkKind | 'copied' | 'response', readonly Candidate[]> = {
  tcp: candidates(() => ''),
  unix: withoutZerocopy('only TCP sends from mapped memory without copying it'),
  pipe: withoutZerocopy('only TCP sends from mapped memory without copying it'),
  other: candidates(() => 'the descriptor is neither a socket nor a pipe'),
  copied: withoutZerocopy('the kernel copies what it sends to this peer from memory'),
  response: withoutZerocopy('the head of a response would travel alone'),
}

export function planFor(sending: Sending, options: PlanOptions): Plan {
  const { to, sourceObstacle, refused } = sending
  const obstacle = obstacleTo(to) || sourceObstacle
  const kind = obstacle === '' ? sinkKindOf(to) : 'tcp'
  const among = obstacle === '' ? candidatesFor(to, kind, refused) : candidates(() => obstacle)
  return choose(pairs[kind], among, { prefer: options.prefer, bytes: options.bytes ?? sending.bytes })
}

function candidatesFor(to: SinkTarget, kind: SinkKind, refused: Sending['refused']): readonly Candidate[] {
  const known = usual[to instanceof ServerResponse ? 'response' : isCopiedTo(to, kind) ? 'copied' : kind]
  return refused === null ? known : withRefusals(known, refused)
}

/** In an order in which of all obstacles the last refusal is the one that is told of. */
function withRefusals(
  known: readonly Candidate[],
  refused: ReadonlyMap<PathName, string>,
): readonly Candidate[] {
  const rank = ({ path, obstacle }: Candidate): number => (refused.has(path) ? 1 : obstacle === '' ? 2 : 0)
  return known
    .map(candidate => ({ ...candidate, obstacle: refused.get(candidate.path) ?? candidate.obstacle }))
    .sort((one, other) => rank(one) - rank(other))
}

function isCopiedTo(to: SinkTarget, kind: SinkKind): boolean {
  if (kind !== 'tcp') return false
  const fd = typeof to === 'number' ? to : descriptorOf(to as Socket)
  return fd >= 0 && zerocopyCopies(native!, fd)
}

/** What the sink's descriptor is. */
export function sinkKindOf(to: SinkTarget): SinkKind {
  if (native === null) return 'tcp'
  if (typeof to === 'number') return kindOfDescriptor(native, to)
  const socket = to instanceof ServerResponse ? to.socket : to
  return socket instanceof Socket ? kindOfSocket(native, socket) : 'tcp'
}

/** `obstacleOf`: why a path other than copying cannot be taken, or an empty string where it can. */
function candidates(obstacleOf: (path: SendPath) => string): readonly Candidate[] {
  return sendPathNames.map(path => ({
    path,
    advantage: advantages[path],
    obstacle: path === 'copy' ? '' : obstacleOf(path),
  }))
}

function withoutZerocopy(why: string): readonly Candidate[] {
  return candidates(path => (path === 'zerocopy' ? why : ''))
}

/** Why bytes cannot go to the sink's descriptor, or an empty string where they can. */
export function obstacleTo(to: SinkTarget): string {
  if (defaultEngine() === null) return `there is no addon: ${engineMissing()}`
  if (typeof to === 'number') return ''
  const socket = to instanceof ServerResponse ? to.socket : to
  if (to instanceof ServerResponse) {
    if (isChunked(to)) return 'the response is chunked'
    if (to.write !== ServerResponse.prototype.write) return "other code replaced the response's write()"
    if (to.strictContentLength) return 'the response counts its own bytes (strictContentLength)'
    if (socket === null) return ''
  }
  if (isEncrypted(socket)) return 'TLS encrypts in user space'
  if (!(socket instanceof Socket)) return 'the sink is a stream without a socket'
  if (descriptorOf(socket) < 0 && !socket.pending) return 'the socket has no descriptor'
  return ''
}

/** Before the head is made its lines tell, after that it is decided. */
function isChunked(res: ServerResponse): boolean {
  if (res.chunkedEncoding) return true
  const encoding = res.getHeader('transfer-encoding')
  return encoding !== undefined && /\bchunked\b/i.test(String(encoding))
}
