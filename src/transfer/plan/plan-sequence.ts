/** The plan for a list as a source: what each of its parts would do, by what the transfer of a list does with them. */
import { native } from '../../native/load.js'
import { type FileSink, file, type SinkTarget, sinkTarget, sourceTarget } from '../ends/endpoints.js'
import type { Sink, Source } from '../ends/ends.js'
import { fileBehind } from '../ends/mapped-source.js'
import type { SinkKind } from '../ends/sink-kind.js'
import { checkParts } from '../jobs/sequence-parts.js'
import { choose } from './choose.js'
import type { PairName } from './costs.js'
import type { ListPlan, Plan, PlanOptions } from './path.js'
import { lengthOf, memoryPathNames } from './plan-memory.js'
import { kindOf, planRelay } from './plan-relay.js'
import { obstacleTo, planFor, sinkKindOf } from './plan-send.js'

/** What plans for a single source. */
export type PlanPart = (from: Source, to: Sink, options: PlanOptions) => Plan

/** @throws ERR_SLUICE_OPTION where the list is empty or too long, or names a lease or a stream twice */
export function planSequence(
  from: readonly Source[],
  to: Sink,
  options: PlanOptions,
  planPart: PlanPart,
): ListPlan {
  checkParts(from)
  const sizes = sizesOf(from, options.bytes)
  const { prefer } = options
  const plans =
    to.kind === 'file'
      ? planWrites(from, sizes, to, (part, sink, bytes) => planPart(part, sink, { prefer, bytes }))
      : planSends(from, sizes, sinkTarget(to), options)
  const largest = plans[sizes.indexOf(Math.max(...sizes))]!
  return Object.freeze({ ...largest, parts: Object.freeze(plans) })
}

/** Bytes of each part. One that does not say is taken for the largest: infinite, or what is left of `bytes`. */
function sizesOf(from: readonly Source[], bytes: number | undefined): number[] {
  const sizes = from.map(sizeOf)
  const known = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  const single = sizes.filter(size => size === undefined).length === 1
  const rest = bytes !== undefined && single ? Math.max(0, bytes - known) : Number.POSITIVE_INFINITY
  return sizes.map(size => size ?? rest)
}

function sizeOf(source: Source): number | undefined {
  if (source.kind === 'memory') return lengthOf(source)
  if (source.kind !== 'file' || source.end === undefined) return undefined
  return source.end + 1 - (source.start ?? 0)
}

/** The sink is opened once, so that each part finds it open, where the part before has ended. */
function planWrites(
  from: readonly Source[],
  sizes: readonly number[],
  { start = 0, flags }: FileSink,
  planPart: (part: Source, to: FileSink, bytes: number | undefined) => Plan,
): Plan[] {
  let position = start
  return from.map((part, index) => {
    const bytes = known(sizes[index]!)
    const to: FileSink = { ...file(anyDescriptor, { start: position }), ...(flags === 'a' && { flags }) }
    position += bytes ?? 0
    return planPart(part, to, bytes)
  })
}

/** It is not looked at: what counts is that the sink is none that is given by name. */
const anyDescriptor = 0

function planSends(
  from: readonly Source[],
  sizes: readonly number[],
  to: SinkTarget,
  options: PlanOptions,
): Plan[] {
  const obstacle = obstacleOf(to)
  return from.map((part, index) => {
    const asked = { prefer: options.prefer, bytes: known(sizes[index]!) }
    if (part.kind === 'memory') {
      const behind = fileBehind(part, options)
      return behind === null ? planGathered(to, obstacle, asked) : planFile(to, obstacle, asked)
    }
    const stream = part.kind === 'file' ? null : sourceTarget(part)
    if (stream === null) return planFile(to, obstacle, asked)
    if (typeof stream !== 'number') return planRelay(stream, to, asked, obstacle || null)
    return planFile(to, obstacle || obstacleOfDescriptor(stream), asked)
  })
}

/** Why everything is copied, or an empty string. */
function obstacleOf(to: SinkTarget): string {
  const isOther = native !== null && typeof to === 'number' && sinkKindOf(to) === 'other'
  return obstacleTo(to) || (isOther ? 'the descriptor is neither a socket nor a pipe' : '')
}

function obstacleOfDescriptor(fd: number): string {
  return kindOf(fd) === 'other' ? '' : 'the source is not a regular file'
}

function planFile(to: SinkTarget, sourceObstacle: string, { prefer, bytes }: PlanOptions): Plan {
  return planFor({ to, sourceObstacle, refused: null, bytes }, { prefer })
}

const pairs: Record<SinkKind, PairName> = {
  tcp: 'memory → tcp',
  unix: 'memory → unix',
  pipe: 'memory → pipe',
  other: 'memory → pipe',
}

/** Memory goes out with the parts next to it. */
function planGathered(to: SinkTarget, obstacle: string, options: PlanOptions): Plan {
  const candidates = memoryPathNames.map(path => ({
    path,
    advantage: path === 'writev' ? gathering : 'writing works everywhere',
    obstacle: obstacle === '' ? againstGathering[path] : path === 'copy' ? '' : obstacle,
  }))
  return choose(pairs[obstacle === '' ? sinkKindOf(to) : 'tcp'], candidates, options)
}

const gathering = 'the kernel gathers the bytes from where they are'
const gathered = 'memory in a list is gathered with the parts next to it'
const againstGathering: Record<(typeof memoryPathNames)[number], string> = {
  writev: '',
  vmsplice: gathered,
  sendfile: gathered,
  zerocopy: gathered,
  copy: 'writev does the same with one copy less',
}

function known(size: number): number | undefined {
  return Number.isFinite(size) ? size : undefined
}
