/** How connections reach the kernel: what a ring and an epoll set have in common. */
/** What `send` returns where the connection will be told. */
export const PENDING = -0x10000

export interface Wire {
  readonly name: 'ring' | 'poll'
  /**
   * Sends bytes of the server's memory, which stay as they are until it is known how many went → so many, -errno, or
   * PENDING: then `onSent` is called with the same.
   */
  send(connection: Wired, offset: number, length: number): number
  /** From now on system calls on the connection's descriptor do not wait: until `endDirect`. */
  beginDirect(connection: Wired): void
  endDirect(connection: Wired): void
  /** Calls `onWritable` once, when the socket takes more. */
  whenWritable(connection: Wired): void
  /** Calls `onTurn` once, after the others have had their turn. */
  later(connection: Wired): void
  /** Receives no more until `resumeReceiving`: what has come already is still told of. */
  pauseReceiving(connection: Wired): void
  resumeReceiving(connection: Wired): void
  /** Ends the connection: nothing is told of it any more. What was sent still goes out; `reset` drops it. */
  close(connection: Wired, reset: boolean): void
}

/** A connection as a wire sees it: where it is, and what it is told of. */
export interface Wired {
  readonly fd: number
  /** The place in the wire's table, and how often that was used before. */
  readonly slot: number
  readonly generation: number
  readonly closed: boolean
  /** Bytes came; they are there only until this returns. */
  onReceived(bytes: Uint8Array, start: number, end: number): void
  /** The peer sends no more. */
  onEnd(): void
  /** The connection is gone: -errno. */
  onGone(errno: number): void
  /** What came of a send that was PENDING: bytes, or -errno. */
  onSent(result: number): void
  onWritable(): void
  onTurn(): void
  /** Nothing of the connection is with the kernel any more. */
  onClosed(): void
}
