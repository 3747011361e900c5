/** What the headers of the PROXY protocol say. */
import type { SocketAddress } from './address.js'

export interface ProxyHeader {
  /** Of the header itself: the client's own bytes begin behind them. */
  readonly bytes: number
  /** Who connected, and to where; null where the connection's own addresses are meant. */
  readonly source: SocketAddress | null
  readonly destination: SocketAddress | null
}

export type ProxyHeaderReading = ProxyHeader | 'incomplete' | 'malformed'

export interface ProxyHeaderEnds {
  /** Null where who connected is not known. */
  readonly source: SocketAddress | null
  readonly destination: SocketAddress | null
}
