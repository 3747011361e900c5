/** A request and its response, and what came of them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { performance } from 'node:perf_hooks'
import type { PathName } from '../transfer/path.js'
import type { Purpose } from './opened.js'

/** Requests and responses of `node:http`, `node:https`, and `node:http2`'s compatibility API. */
export type Request = IncomingMessage | Http2ServerRequest
export type Response = ServerResponse | Http2ServerResponse

/** What was answered. */
export interface SendFileResult {
  status: number
  /** Bytes of the body that were sent. */
  bytes: number
  /** How a file's bytes were sent; null where none were. */
  path: PathName | null
  /** Bytes that were copied through this process's memory. */
  copied: number
  /** From the call until the kernel had the last byte, in milliseconds. */
  ms: number
  /** What went wrong, on this side or the peer's, after which the connection was closed or the status is 500 or more; else null. */
  error: Error | null
}

export class Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly isHead: boolean
  /** HEAD is GET without the body. */
  readonly isGetOrHead: boolean
  /** HEAD and conditional requests may well need no body: for them nothing is opened to be read. */
  readonly purpose: Purpose
  readonly #began = performance.now()

  constructor(req: Request, res: Response) {
    // The compatibility API of HTTP/2 has the same methods, but declares them anew.
    this.req = req as IncomingMessage
    this.res = res as ServerResponse
    this.isHead = req.method === 'HEAD'
    this.isGetOrHead = this.isHead || req.method === 'GET'
    const { headers } = req
    const conditional = headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined
    this.purpose = this.isHead || conditional ? 'look' : 'read'
  }

  /** The result of this exchange, now. */
  result(sent: Partial<Omit<SendFileResult, 'ms' | 'status'>> = {}): SendFileResult {
    return {
      status: this.res.statusCode,
      bytes: 0,
      path: null,
      copied: 0,
      error: null,
      ...sent,
      ms: performance.now() - this.#began,
    }
  }
}
