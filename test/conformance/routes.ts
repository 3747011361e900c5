/** Every path between every pair of ends. */
import { native } from '#sluice/native/load.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { filePathNames } from '#sluice/transfer/plan/plan-files.js'
import { memoryPathNames } from '#sluice/transfer/plan/plan-memory.js'
import { memoryFilePathNames } from '#sluice/transfer/plan/plan-memory-file.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { severalPathNames } from '#sluice/transfer/plan/plan-several.js'
import { streamToFilePathNames } from '#sluice/transfer/plan/plan-stream-to-file.js'
import { type SinkKind, sinkKinds } from './sinks.js'
import { type SourceKind, sourceKinds } from './sources.js'

export interface Route {
  readonly name: string
  readonly source: SourceKind
  readonly sink: SinkKind
  readonly prefer: PathName
}

const relayPathNames = ['splice', 'copy'] as const satisfies readonly PathName[]

type SourceName = keyof typeof sourceKinds
type SinkName = keyof typeof sinkKinds

const table: readonly {
  sources: readonly SourceName[]
  sinks: readonly SinkName[]
  paths: readonly PathName[]
}[] = [
  { sources: ['file'], sinks: ['TCP', 'Unix', 'pipe'], paths: sendPathNames },
  { sources: ['file'], sinks: ['file'], paths: filePathNames },
  { sources: ['TCP'], sinks: ['TCP', 'Unix', 'pipe'], paths: relayPathNames },
  { sources: ['Unix'], sinks: ['TCP'], paths: relayPathNames },
  { sources: ['pipe'], sinks: ['TCP', 'pipe'], paths: relayPathNames },
  { sources: ['TCP', 'Unix', 'pipe'], sinks: ['file'], paths: streamToFilePathNames },
  { sources: ['TCP', 'pipe', 'file', 'lease'], sinks: ['several'], paths: severalPathNames },
  { sources: ['lease'], sinks: ['TCP', 'Unix', 'pipe'], paths: memoryPathNames },
  { sources: ['region', 'bytes'], sinks: ['TCP'], paths: memoryPathNames },
  { sources: ['lease', 'bytes'], sinks: ['file'], paths: memoryFilePathNames },
  { sources: ['list'], sinks: ['TCP', 'pipe', 'file'], paths: ['sendfile', 'splice', 'copy'] },
]

export const routes: readonly Route[] = table.flatMap(({ sources, sinks, paths }) =>
  sources.flatMap(from =>
    sinks.flatMap(to =>
      paths.map(prefer => ({
        name: `${from} → ${to} by ${prefer}`,
        source: sourceKinds[from],
        sink: sinkKinds[to],
        prefer,
      })),
    ),
  ),
)

/** The path that is taken for some bytes where there is nothing in the way: null where that is for costs to decide. */
export function pathOf({ source, sink, prefer }: Route): PathName | null {
  if (native === null) return 'copy'
  if (source.name === 'list') return null
  if (prefer === 'zerocopy') return sink.name === 'TCP' ? prefer : null
  // Where blocks cannot be shared they are copied; the tests of files say when.
  if (prefer === 'reflink') return null
  const byReference = prefer === 'vmsplice' || prefer === 'sendfile'
  return source.name === 'bytes' && byReference ? null : prefer
}
