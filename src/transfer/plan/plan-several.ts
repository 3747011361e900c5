/** The plan for what goes to several sinks at once. */
import { SluiceError } from '../../base/errors.js'
import { defaultEngine, engineMissing } from '../../engine/default.js'
import { sinkTarget, sourceTarget } from '../ends/endpoints.js'
import type { Sink, Source } from '../ends/ends.js'
import { choose } from './choose.js'
import type { PairName } from './costs.js'
import type { PathName, Plan, PlanOptions } from './path.js'
import { kindOf, sinkObstacle, sourceObstacle } from './plan-relay.js'

export const severalPathNames = ['tee', 'copy'] as const satisfies readonly PathName[]

/** Each takes pipes and a place in every step. */
export const sinksMax = 64

export const appendsObstacle = 'it is open for appending (O_APPEND), where splice cannot write'

/** `obstacle`: why all can only be copied, where more is known than before the ends were opened. */
export function planSeveral(
  from: Source,
  to: readonly Sink[],
  options: PlanOptions,
  obstacle = obstacleOfSource(from),
): Plan {
  const candidates = [
    {
      path: 'tee',
      advantage: 'all sinks are given references to the same pages',
      obstacle: teeObstacle(to, obstacle),
    },
    { path: 'copy', advantage: 'reading once and writing to each works everywhere', obstacle: '' },
  ] as const
  return choose(pairOf(from), candidates, options)
}

/**
 * @throws ERR_SLUICE_OPTION where there are none, or too many; where two are the same stream, which would wait for
 *   itself
 */
export function checkSinks(to: readonly Sink[]): void {
  if (to.length === 0 || to.length > sinksMax) {
    throw new SluiceError('ERR_SLUICE_OPTION', `1 to ${sinksMax} sinks must be given, not ${to.length}`)
  }
  if (to.some(sink => sink.kind === 'file' && sink.end !== undefined)) {
    throw new SluiceError('ERR_SLUICE_OPTION', 'end must be given for the source, not for a sink')
  }
  const targets = to.flatMap(sink => (sink.kind === 'file' ? [] : [sinkTarget(sink)]))
  if (new Set(targets).size < targets.length) {
    throw new SluiceError('ERR_SLUICE_OPTION', 'The same sink must not be given twice')
  }
}

/** Why bytes cannot be spliced to it, or an empty string where they can. */
export function obstacleOfSink(sink: Sink): string {
  if (sink.kind === 'file') {
    return sink.flags === 'a' ? appendsObstacle : ''
  }
  const to = sinkTarget(sink)
  const obstacle = sinkObstacle(to, kindOf(to))
  return obstacle === '' ? '' : `it ${obstacle}`
}

function teeObstacle(to: readonly Sink[], obstacle: string): string {
  if (defaultEngine() === null) return `there is no addon: ${engineMissing()}`
  if (obstacle !== '') return obstacle
  const obstacles = to.map(obstacleOfSink)
  return obstacles.includes('') ? '' : `no sink can be spliced to; of the first, ${obstacles[0]}`
}

/** Why bytes cannot be spliced from it, or an empty string where they can. */
function obstacleOfSource(from: Source): string {
  if (from.kind === 'file' || from.kind === 'memory') return ''
  const target = sourceTarget(from)
  const obstacle = sourceObstacle(target, kindOf(target))
  return obstacle === '' ? '' : `the source ${obstacle}`
}

function pairOf(from: Source): PairName {
  if (from.kind === 'file' || from.kind === 'memory') return 'file → several'
  return kindOf(sourceTarget(from)) === 'pipe' ? 'pipe → several' : 'socket → several'
}
