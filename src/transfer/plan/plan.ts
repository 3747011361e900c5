/** Which path a transfer takes, and why: pure, so that it can be asked without sending anything. */
import { checkInteger, checkOneOf } from '../../base/options.js'
import { addonMissing } from '../../native/load.js'
import { type FileSource, type SinkTarget, sinkTarget, sourceTarget } from '../ends/endpoints.js'
import {
  isList,
  type Sink,
  type SinkLike,
  type Source,
  type SourceLike,
  sinkOf,
  sourceOf,
} from '../ends/ends.js'
import { fileBehind } from '../ends/mapped-source.js'
import type { MemorySource } from '../ends/memory-source.js'
import { type ListPlan, type Plan, type PlanOptions, pathNames } from './path.js'
import { pairBefore, planForFiles } from './plan-files.js'
import { planMemory } from './plan-memory.js'
import { memoryPairBefore, planMemoryToFile } from './plan-memory-file.js'
import { planRelay } from './plan-relay.js'
import { planFor } from './plan-send.js'
import { planSequence } from './plan-sequence.js'
import { planSeveral } from './plan-several.js'
import { fileEndBefore, planStreamToFile } from './plan-stream-to-file.js'

/**
 * What a transfer between these two would do, as far as can be told before a file is opened. The plan is frozen.
 *
 * For a list as a source there is a plan of each part, in `parts`; what is said of the whole is that of the largest, for
 * which the first is taken that does not say how long it is. `bytes` are those of the whole.
 *
 * @throws ERR_SLUICE_OPTION where these are no ends, or the options are not of their kind
 */
export function plan(from: readonly SourceLike[], to: SinkLike, options?: PlanOptions): ListPlan
export function plan(from: SourceLike, to: SinkLike | readonly SinkLike[], options?: PlanOptions): Plan
export function plan(
  from: SourceLike | readonly SourceLike[],
  to: SinkLike | readonly SinkLike[],
  options: PlanOptions = {},
): Plan {
  const { bytes, prefer } = options
  if (bytes !== undefined) checkInteger('bytes', bytes, { min: 0 })
  if (prefer !== undefined) checkOneOf('prefer', prefer, pathNames)
  // A list is no source of several sinks, and is told so.
  if (isList(to)) return planSeveral(sourceOf(from as SourceLike), to.map(sinkOf), options)
  const sink = sinkOf(to)
  if (isList(from)) return planSequence(from.map(sourceOf), sink, options, planBetween)
  return planBetween(sourceOf(from), sink, options)
}

function planBetween(source: Source, sink: Sink, options: PlanOptions): Plan {
  if (source.kind === 'memory') return planMemorySource(source, sink, options)
  if (sink.kind === 'file') {
    if (source.kind === 'file') return planForFiles(pairBefore(source, sink, addonMissing), options)
    return planStreamToFile(sourceTarget(source), fileEndBefore(sink), options)
  }
  if (source.kind === 'file') return planSending(source, sinkTarget(sink), options)
  return planRelay(sourceTarget(source), sinkTarget(sink), options)
}

function planMemorySource(source: MemorySource, sink: Sink, options: PlanOptions): Plan {
  const behind = fileBehind(source, options)
  if (behind !== null) return planBetween(behind, sink, options)
  if (sink.kind === 'file') return planMemoryToFile(source, memoryPairBefore(sink), options)
  return planMemory(source, sinkTarget(sink), null, options)
}

/** The source is taken for a regular file. */
function planSending({ start = 0, end }: FileSource, to: SinkTarget, options: PlanOptions): Plan {
  const bytes = end === undefined ? undefined : end - start + 1
  return planFor({ to, sourceObstacle: '', refused: null, bytes }, options)
}
