/** HTTP by hand: what a client writes, and exactly what comes back, byte for byte. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { type Ending, Peer } from './sockets.js'

export interface RawResponse {
  readonly status: number
  /** By name in small letters. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** Serves on a port that the kernel picks, until the test is over. */
export async function httpServer(
  t: Ending,
  onRequest: RequestListener,
  options: ServerOptions = {},
): Promise<Server> {
  const server = createServer(options, onRequest).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return server
}

/** One connection, on which requests follow one another. */
export class RawClient {
  readonly peer: Peer
  /** Where in what was received the next response begins. */
  #at = 0

  constructor(t: Ending, server: Pick<Server, 'address'>, options: { reading?: boolean } = {}) {
    this.peer = new Peer(t, server, options)
  }

  /** Sends the lines of a head, and the empty one that ends it. */
  send(...lines: string[]): void {
    this.peer.socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  }

  get(path = '/'): void {
    this.send(`GET ${path} HTTP/1.1`, 'Host: test')
  }

  /** The next response; `withoutBody` for one to HEAD, whose length is that of another body. */
  async response({ withoutBody = false } = {}): Promise<RawResponse> {
    const head = await this.#until('\r\n\r\n')
    const lines = head.toString('latin1').trimEnd().split('\r\n')
    const headers = new Map(
      lines.slice(1).map(line => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
      }),
    )
    const status = Number(lines[0]!.split(' ')[1])
    const empty = withoutBody || status === 204 || status === 304
    return { status, headers, body: empty ? Buffer.alloc(0) : await this.#body(headers) }
  }

  /** Everything that came after the responses read so far, once the server has closed the connection. */
  async rest(): Promise<Buffer> {
    return (await this.peer.take()).subarray(this.#at)
  }

  async #body(headers: ReadonlyMap<string, string>): Promise<Buffer> {
    if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return this.#chunks()
    const length = headers.get('content-length')
    return length === undefined ? this.rest() : this.#take(Number(length))
  }

  async #chunks(): Promise<Buffer> {
    const chunks: Buffer[] = []
    for (;;) {
      const length = Number.parseInt((await this.#until('\r\n')).toString('latin1'), 16)
      const chunk = await this.#take(length)
      await this.#take(2)
      if (length === 0) return Buffer.concat(chunks)
      chunks.push(chunk)
    }
  }

  async #take(count: number): Promise<Buffer> {
    const received = await this.peer.take(this.#at + count)
    const taken = received.subarray(this.#at, this.#at + count)
    this.#at += taken.length
    return taken
  }

  async #until(mark: string): Promise<Buffer> {
    for (let needed = 1; ; ) {
      const received = await this.peer.take(this.#at + needed)
      const found = received.indexOf(mark, this.#at)
      if (found !== -1) return this.#take(found + mark.length - this.#at)
      if (this.peer.over) throw new Error(`the connection ended before ${JSON.stringify(mark)} came`)
      needed = received.length - this.#at + 1
    }
  }
}
