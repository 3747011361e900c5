/** Connected pairs of sockets: one end under test, the other read at will. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryFolder } from './temporary.js'

export type Ending = Pick<TestContext, 'after'>
export type SocketKind = 'TCP' | 'Unix'

export interface SocketPair {
  /** The end under test. */
  readonly socket: Socket
  readonly peer: Peer
}

export interface PairOptions {
  kind?: SocketKind
  /** Whether the peer reads from the start. */
  reading?: boolean
}

export async function socketPair(
  t: Ending,
  { kind = 'TCP', reading = true }: PairOptions = {},
): Promise<SocketPair> {
  return connectTo(t, await listener(t, kind), { reading })
}

/** A listener on a port or name that is free; closed, with its connections, when the test is over. */
export async function listener(t: Ending, kind: SocketKind = 'TCP'): Promise<Server> {
  const server = createServer()
  server.on('connection', socket => t.after(() => socket.destroy()))
  if (kind === 'TCP') server.listen(0, '127.0.0.1')
  else server.listen(join(temporaryFolder(t), 'socket'))
  await once(server, 'listening')
  t.after(() => server.close())
  return server
}

/** By listener: the connection made last. One follows the other, so that each accepted end is told apart. */
const lastConnections = new WeakMap<Server, Promise<unknown>>()

/** One more connection to the listener. */
export function connectTo(
  t: Ending,
  server: Server,
  { reading = true }: Pick<PairOptions, 'reading'> = {},
): Promise<SocketPair> {
  const connect = async (): Promise<SocketPair> => {
    const accepted = once(server, 'connection')
    const peer = new Peer(t, server, { reading })
    const [[socket]] = await Promise.all([accepted, once(peer.socket, 'connect')])
    return { socket: socket as Socket, peer }
  }
  const connection = (lastConnections.get(server) ?? Promise.resolve()).then(connect)
  lastConnections.set(server, connection)
  return connection
}

/** The reading end: keeps what comes. */
export class Peer {
  readonly socket: Socket
  bytes = 0
  /** Whether the stream ended, in order or not. */
  over = false
  readonly #chunks: Buffer[] = []
  #waiting: (() => void)[] = []

  constructor(
    t: Ending,
    server: Pick<Server, 'address'>,
    { reading = true }: Pick<PairOptions, 'reading'> = {},
  ) {
    const address = server.address()!
    const where = typeof address === 'string' ? { path: address } : { port: address.port, host: '127.0.0.1' }
    // It goes on when the other side ends, so that who ended first is never in doubt.
    this.socket = connect({ ...where, allowHalfOpen: true })
    t.after(() => this.socket.destroy())
    this.socket.on('data', chunk => {
      this.bytes += chunk.length
      this.#chunks.push(chunk)
      this.#notify()
    })
    this.socket.on('end', () => this.#end())
    this.socket.on('close', () => this.#end())
    // A reset is what many tests are about.
    this.socket.on('error', () => {})
    if (!reading) this.socket.pause()
  }

  /** Everything received so far. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Reads until at least `count` bytes came, or the stream ended → all that came. */
  async take(count = Number.POSITIVE_INFINITY): Promise<Buffer> {
    this.socket.resume()
    while (this.bytes < count && !this.over) await new Promise<void>(resolve => this.#waiting.push(resolve))
    return this.received
  }

  #end(): void {
    this.over = true
    this.#notify()
  }

  #notify(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
