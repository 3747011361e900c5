/** The names of the paths, and what a plan says of them. What a pair of ends has to choose from is the plan's affair. */

export type PathName = 'reflink' | 'copy_file_range' | 'sendfile' | 'splice' | 'copy'

export interface Plan {
  path: PathName
  /** One clause: why this path. */
  why: string
  /** The paths that were considered and are not taken, each with the reason. */
  rejected: { path: PathName; why: string }[]
}

export interface PlanOptions {
  /** Takes this path where it is possible at all. */
  prefer?: PathName | undefined
}
