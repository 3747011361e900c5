/** The path cannot be used between these two: a file system, a sink or a sandbox refuses. Nothing was sent yet. */
export class PathRefused extends Error {}
