/** One direction of a connection, whichever way its bytes go. */

export interface Direction {
  /** Bytes that went out by reference, and through memory. */
  readonly spliced: number
  readonly copied: number
  /** Whether something moved since this was set to false. */
  moved: boolean
  readonly ended: boolean
  begin(): void
  /** Ends without telling: the connection is over. What is on its way is lost. Resolves when nothing uses its ends. */
  stop(): void | Promise<void>
}

/** Told once: 0 where the source has ended and all is out, or -errno and at which end. */
export type DirectionDone = (errno: number, atSource: boolean) => void

export interface DirectionEnds {
  readonly source: number
  readonly sink: number
  /** Whether the source is a TCP socket. */
  readonly isTcp: boolean
  /** Whether something may have come already. */
  readonly tries: boolean
}
