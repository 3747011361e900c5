/** The plan for what goes from memory to a socket, a pipe, a response or another stream. */
import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { pageBytes } from '../../memory/backing.js'
import { Lease } from '../../memory/lease.js'
import { MappedFile } from '../../memory/mapped-file.js'
import { Region } from '../../memory/region.js'
import { native } from '../../native/load.js'
import type { SinkTarget } from '../ends/endpoints.js'
import { descriptorOf } from '../ends/held-socket.js'
import type { MemorySource } from '../ends/memory-source.js'
import type { SinkKind } from '../ends/sink-kind.js'
import { zerocopyCopies } from '../zerocopy-notices.js'
import { type Candidate, choose } from './choose.js'
import type { PairName } from './costs.js'
import type { PathName, Plan, PlanOptions } from './path.js'
import { obstacleTo as obstacleToSink, sinkKindOf } from './plan-send.js'

/** In the order in which they are taken where no costs are known. */
export const memoryPathNames = [
  'writev',
  'vmsplice',
  'sendfile',
  'zerocopy',
  'copy',
] as const satisfies readonly PathName[]
type MemoryPath = (typeof memoryPathNames)[number]

const advantages: Record<MemoryPath, string> = {
  writev: 'the kernel gathers the bytes from where they are, many messages in one call',
  vmsplice: 'pages of the region are handed over by reference, through a pipe',
  sendfile: 'pages of the region are handed over by reference',
  zerocopy: 'the network card reads the bytes from where they are',
  copy: 'writing works everywhere',
}

const pairs: Record<SinkKind, PairName> = {
  tcp: 'memory → tcp',
  unix: 'memory → unix',
  pipe: 'memory → pipe',
  other: 'memory → pipe',
}
/** For bytes that stay: none of their pages has to be replaced when they were sent by reference. */
const pairsOfRegion: Record<SinkKind, PairName> = {
  tcp: 'region → tcp',
  unix: 'region → unix',
  pipe: 'region → pipe',
  other: 'region → pipe',
}

/** `refused`: why the kernel has refused a path between the two, where it has. */
export function planMemory(
  source: MemorySource,
  to: SinkTarget,
  refused: ReadonlyMap<PathName, string> | null,
  options: PlanOptions,
): Plan {
  const bytes = options.bytes ?? lengthOf(source)
  const sinkObstacle = obstacleFrom(to)
  const kind = sinkObstacle === '' ? sinkKindOf(to) : 'tcp'
  const sink = { to, kind }
  const impossible = (path: MemoryPath): string =>
    path === 'copy' ? '' : sinkObstacle || refused?.get(path) || obstacleTo(path, source, sink)
  const gathers = impossible('writev') === ''
  const candidates: Candidate[] = memoryPathNames.map(path => ({
    path,
    advantage: advantages[path],
    obstacle: impossible(path) || (gathers && path !== options.prefer ? dearness(path, bytes) : ''),
  }))
  const stays = source.of instanceof Region && source.stable === true
  return choose((stays ? pairsOfRegion : pairs)[kind], candidates, { ...options, bytes })
}

/** Why a path is worse than writev whatever a single transfer costs, or an empty string where that decides. */
function dearness(path: MemoryPath, bytes: number): string {
  if (path === 'copy') return 'writev does the same with one copy less'
  if (path === 'writev' || bytes >= pageBytes) return ''
  return `less than a page of ${pageBytes} bytes is gathered with others in one call`
}

/** Number of bytes. */
export function lengthOf({ of, start = 0, end }: MemorySource): number {
  if (end !== undefined) return end + 1 - start
  if (of instanceof Lease) return of.length - start
  return (of instanceof Region || of instanceof MappedFile ? of.byteLength : of.length) - start
}

interface SinkFacts {
  readonly to: SinkTarget
  readonly kind: SinkKind
}

/** Why a path cannot be taken although the sink has a descriptor, or an empty string where it can. */
function obstacleTo(path: MemoryPath, source: MemorySource, sink: SinkFacts): string {
  if (path === 'writev' || path === 'copy') return ''
  if (sink.kind === 'other') return 'the descriptor is neither a socket nor a pipe'
  if (lengthOf(source) === 0) return 'there are no bytes to refer to'
  return path === 'zerocopy' ? zerocopyObstacle(sink) : regionObstacle(source)
}

function zerocopyObstacle({ to, kind }: SinkFacts): string {
  if (kind !== 'tcp') return 'only TCP sends from memory without copying it'
  const fd = typeof to === 'number' ? to : descriptorOf(to as Socket)
  return fd >= 0 && zerocopyCopies(native!, fd) ? 'what goes to this peer is copied all the same' : ''
}

/** Why the bytes cannot be referred to for as long as the receiver likes. */
function regionObstacle({ of, stable }: MemorySource): string {
  if (of instanceof Lease) {
    const why = of.region.pages.keptBecause
    return why === '' ? '' : `the slot cannot get other pages: ${why}`
  }
  if (!(of instanceof Region)) return 'the bytes are not in a region, which has a descriptor'
  if (of.fdMissing !== '') return `the region has no descriptor: ${of.fdMissing}`
  if (!of.sendfileSource) return 'the region has huge pages, which the kernel does not send by reference'
  return stable === true ? '' : 'the bytes may change: memory() with stable: true promises that they do not'
}

/** Why bytes cannot go to the sink's descriptor, or an empty string where they can. */
function obstacleFrom(to: SinkTarget): string {
  if (to instanceof ServerResponse) return 'Node writes a response, as it knows how the body is framed'
  return obstacleToSink(to)
}
