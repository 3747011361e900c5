/** What a peer process is asked for, and what it answers: one answer for each request, in their order. */
export type PeerRequest =
  /** Listens on loopback, or under a name, for one connection, and reads all that comes there. */
  | { readonly ask: 'read-socket'; readonly name: string | null }
  /** Reads all that comes through a pipe. */
  | { readonly ask: 'read-pipe'; readonly path: string }
  /** Answers when so many bytes have come to a reader. */
  | { readonly ask: 'await-bytes'; readonly reader: number; readonly bytes: number }
  /** Connects so many times, and sends so many bytes and then the end each time. */
  | { readonly ask: 'write-sockets'; readonly port: number; readonly count: number; readonly bytes: number }
  /** Writes so many bytes to each pipe, and then its end. */
  | { readonly ask: 'write-pipes'; readonly paths: readonly string[]; readonly bytes: number }

export type PeerAnswer =
  /** Of a reader: its number, and the port where it listens. */
  { readonly reader?: number; readonly port?: number } | { readonly failed: string }
