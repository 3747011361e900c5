/** The plan for what goes from a socket or pipe to a file. */
import type { Readable } from 'node:stream'
import { defaultEngine, engineMissing } from '../../engine/default.js'
import type { FileSink } from '../ends/endpoints.js'
import { choose } from './choose.js'
import type { PathName, Plan, PlanOptions } from './path.js'
import { kindOf, sourceObstacle } from './plan-relay.js'

export const streamToFilePathNames = ['splice', 'copy'] as const satisfies readonly PathName[]

/** What decides, of the file. */
export interface FileEnd {
  /** Whether it has positions; pipes and devices have not. */
  readonly regular: boolean
  /** Whether the kernel puts each write at its end (O_APPEND). */
  readonly appends: boolean
}

/** What can be told before it is opened. */
export function fileEndBefore(to: FileSink): FileEnd {
  return { regular: true, appends: to.flags === 'a' }
}

/** `refusal`: why splice turned out to be impossible, where it was tried. */
export function planStreamToFile(
  from: Readable | number,
  to: FileEnd,
  options: PlanOptions,
  refusal: string | null = null,
): Plan {
  const source = kindOf(from)
  const candidates = [
    {
      path: 'splice',
      advantage: 'the kernel copies what arrived into the page cache',
      obstacle: refusal ?? spliceObstacle(sourceObstacle(from, source), to),
    },
    { path: 'copy', advantage: 'reading and writing work everywhere', obstacle: '' },
  ] as const
  return choose(source === 'pipe' ? 'pipe → file' : 'socket → file', candidates, options)
}

function spliceObstacle(atSource: string, { regular, appends }: FileEnd): string {
  if (defaultEngine() === null) return `there is no addon: ${engineMissing()}`
  if (atSource !== '') return `the source ${atSource}`
  if (!regular) return 'the sink is not a regular file'
  return appends ? 'the sink is open for appending (O_APPEND), where splice cannot write' : ''
}
