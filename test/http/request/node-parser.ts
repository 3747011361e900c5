/** Node's own parser (llhttp) as the one to compare with: a real server of `node:http`, fed by a stream of ours. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'

/** A head as Node read it. */
export interface NodeRequest {
  readonly method: string
  readonly target: string
  readonly version: string
  /** Null where Node reads no further, because another protocol may follow. */
  readonly keepAlive: boolean | null
  /** All values of a field, joined by commas; undefined where there is none. */
  header(name: string): string | undefined
}

export class NodeParser {
  readonly #server: Server
  #requests: NodeRequest[] = []

  constructor() {
    // Its limits are wider than ours, so that they never decide.
    this.#server = createServer({ maxHeaderSize: 1 << 20, insecureHTTPParser: false, requestTimeout: 0 })
    this.#server.maxHeadersCount = 0
    const take = (req: IncomingMessage, res: ServerResponse) => {
      this.#requests.push(readingOf(req, res.shouldKeepAlive))
      req.resume()
      res.end()
    }
    this.#server.on('request', take)
    this.#server.on('checkContinue', take)
    this.#server.on('checkExpectation', (_req, res: ServerResponse) => res.end())
    const leave = (req: IncomingMessage) => {
      this.#requests.push(readingOf(req, null))
    }
    this.#server.on('connect', leave)
    this.#server.on('upgrade', leave)
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  /** Reads the bytes of a connection, in pieces → the heads that Node accepts. */
  async read(pieces: readonly Uint8Array[]): Promise<readonly NodeRequest[]> {
    this.#requests = []
    const connection = new Connection()
    this.#server.emit('connection', connection)
    for (const piece of pieces) {
      if (connection.destroyed) break
      connection.push(piece)
      await turn()
    }
    connection.destroy()
    return this.#requests
  }
}

/** The client's end of a connection: what it pushes, the server reads. */
class Connection extends Duplex {
  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    done()
  }
}

function readingOf(req: IncomingMessage, keepAlive: boolean | null): NodeRequest {
  return {
    method: req.method!,
    target: req.url!,
    version: req.httpVersion,
    keepAlive,
    header: name => req.headersDistinct[name]?.join(', '),
  }
}

/** Until everything that was pushed has been read. */
function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
