/** Which path bytes take from a file to a file, and why: pure, by what is known of the two. */
import { KiB } from '../../base/units.js'
import { type FileSink, type FileSource, isGivenByName } from '../ends/endpoints.js'
import { choose } from './choose.js'
import type { PathName, Plan, PlanOptions } from './path.js'

/** What bytes from a file to a file can go by, the cheapest first. */
export const filePathNames = [
  'reflink',
  'copy_file_range',
  'sendfile',
  'copy',
] as const satisfies readonly PathName[]

/** What decides between the paths. */
export interface FilePair {
  /** Why there is no addon, or an empty string where there is one. */
  readonly addonMissing: string
  /** Whether both ends have positions, and the source a length; pipes, devices and the files of procfs have not. */
  readonly seekable: boolean
  /** Whether the kernel puts each write at the sink's end (O_APPEND). */
  readonly appends: boolean
  /** Whether the sink's open file is the transfer's own, so that its position may be moved. */
  readonly ownsPosition: boolean
  /** First byte of the source. */
  readonly from: number
  /** First byte of the sink. */
  readonly to: number
  /** Whether the range ends on a block's boundary, or where the source ends. */
  readonly endsOnBlock: boolean
  /** How many bytes, where that is known. */
  readonly bytes?: number | undefined
  /** The error by which the kernel has refused a path between these two. */
  readonly refused: ReadonlyMap<PathName, string>
}

/** What file systems share is whole blocks; of all sizes in use this is by far the most common. */
export const blockBytes = 4 * KiB

const advantages: Record<(typeof filePathNames)[number], string> = {
  reflink: 'both files share the blocks until one is written, where the file system can',
  copy_file_range: 'the kernel copies from file to file',
  sendfile: 'the kernel copies through a pipe of its own',
  copy: 'read and write work everywhere',
}

export function planForFiles(pair: FilePair, options: PlanOptions = {}): Plan {
  const candidates = filePathNames.map(path => ({
    path,
    advantage: advantages[path],
    obstacle: obstacleOf(path, pair),
  }))
  return choose('file → file', candidates, { ...options, bytes: options.bytes ?? pair.bytes })
}

/** What can be told before the two are opened. */
export function pairBefore(from: FileSource, to: FileSink, addonMissing: string): FilePair {
  return {
    addonMissing,
    seekable: true,
    appends: to.flags === 'a',
    ownsPosition: isGivenByName(to),
    from: from.start ?? 0,
    to: to.start ?? 0,
    endsOnBlock: from.end === undefined || (from.end + 1) % blockBytes === 0,
    bytes: from.end === undefined ? undefined : from.end + 1 - (from.start ?? 0),
    refused: new Map(),
  }
}

/** Why the path cannot be taken, or an empty string where it can. */
function obstacleOf(path: PathName, pair: FilePair): string {
  if (path === 'copy') return ''
  if (pair.addonMissing !== '') return `there is no addon: ${pair.addonMissing}`
  if (!pair.seekable) return 'only between regular files whose length is known'
  if (pair.appends) return 'the sink is open for appending (O_APPEND), which only write(2) can do'
  const refusal = pair.refused.get(path)
  if (refusal !== undefined) return `${path} is refused here (${refusal})`
  if (path === 'reflink' && !isOnBlocks(pair))
    return `the range is not made of whole blocks of ${blockBytes} bytes`
  if (path === 'sendfile' && !pair.ownsPosition)
    return 'it writes where the descriptor stands, and would move that'
  return ''
}

function isOnBlocks({ from, to, endsOnBlock }: FilePair): boolean {
  return from % blockBytes === 0 && to % blockBytes === 0 && endsOnBlock
}
