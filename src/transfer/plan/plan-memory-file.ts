/** Which path bytes take from memory to a file, and why: pure, by what is known of the two. */

import { Lease } from '../../memory/lease.js'
import { Region } from '../../memory/region.js'
import { addonMissing } from '../../native/load.js'
import { type FileSink, isGivenByName } from '../ends/endpoints.js'
import type { MemorySource } from '../ends/memory-source.js'
import { choose } from './choose.js'
import type { PathName, Plan, PlanOptions } from './path.js'
import { lengthOf } from './plan-memory.js'

/** In the order in which they are taken where no costs are known. */
export const memoryFilePathNames = ['writev', 'sendfile', 'copy'] as const satisfies readonly PathName[]

/** What decides between the paths. */
export interface MemoryPair {
  /** Whether the sink is a regular file. */
  readonly regular: boolean
  /** Whether the kernel puts each write at the sink's end (O_APPEND). */
  readonly appends: boolean
  /** Whether the sink's open file is the transfer's own, so that its position may be moved. */
  readonly ownsPosition: boolean
  /** The error by which the kernel has refused a path between these two. */
  readonly refused: ReadonlyMap<PathName, string>
}

const advantages: Record<(typeof memoryFilePathNames)[number], string> = {
  writev: 'the kernel takes the bytes from where they are',
  sendfile: "the kernel takes the bytes from the region's descriptor",
  copy: 'writing works everywhere',
}

export function planMemoryToFile(source: MemorySource, pair: MemoryPair, options: PlanOptions): Plan {
  const candidates = memoryFilePathNames.map(path => ({
    path,
    advantage: advantages[path],
    obstacle: obstacleOf(path, source, pair),
  }))
  return choose('memory → file', candidates, { ...options, bytes: options.bytes ?? lengthOf(source) })
}

/** What can be told before the sink is opened. */
export function memoryPairBefore(to: FileSink): MemoryPair {
  return { regular: true, appends: to.flags === 'a', ownsPosition: isGivenByName(to), refused: new Map() }
}

/** Why the path cannot be taken, or an empty string where it can. */
function obstacleOf(path: PathName, { of }: MemorySource, pair: MemoryPair): string {
  if (path === 'copy') return ''
  if (addonMissing !== '') return `there is no addon: ${addonMissing}`
  if (!pair.regular) return 'the sink is not a regular file'
  const refusal = pair.refused.get(path)
  if (refusal !== undefined) return `${path} is refused here (${refusal})`
  if (path === 'writev') return ''
  const region = of instanceof Lease ? of.region : of instanceof Region ? of : null
  if (region === null) return 'the bytes are not in a region, which has a descriptor'
  if (region.fdMissing !== '') return `the region has no descriptor: ${region.fdMissing}`
  if (!region.sendfileSource) return 'the region has huge pages, which sendfile cannot read from'
  if (pair.appends) return 'the sink is open for appending (O_APPEND), which only write(2) can do'
  return pair.ownsPosition ? '' : 'it writes where the descriptor stands, and would move that'
}
