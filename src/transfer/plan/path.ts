/** The names of the paths, and what a plan says of them. What a pair of ends has to choose from is the pair's affair. */

export const pathNames = [
  'reflink',
  'copy_file_range',
  'sendfile',
  'splice',
  'tee',
  'vmsplice',
  'zerocopy',
  'writev',
  'copy',
] as const
export type PathName = (typeof pathNames)[number]

/** What a call costs this process in CPU time: `nsPerCall` once, and `nsPerKiB` for each 1024 bytes. */
export interface Expected {
  readonly nsPerCall: number
  readonly nsPerKiB: number
}

/** Frozen: transfers of like sizes between like ends share it. */
export interface Plan {
  readonly path: PathName
  /** One clause: why this path. */
  readonly why: string
  readonly expected: Expected
  /** The paths that were considered and are not taken, each with the reason. */
  readonly rejected: readonly { readonly path: PathName; readonly why: string }[]
}

/** For a list as a source: the plan of its largest part, and those of all. */
export interface ListPlan extends Plan {
  readonly parts: readonly Plan[]
}

export interface PlanOptions {
  /** Takes this path where it is possible at all. */
  prefer?: PathName | undefined
  /** How many bytes will be moved; as many as the ends say where it is not given. */
  bytes?: number | undefined
}
