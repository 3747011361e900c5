/** A request and its response, and what came of them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { PathName } from '../transfer/plan/path.js'
import { presetHeader } from './head.js'
import type { Request, Response } from './message.js'
import type { Opened, Purpose } from './opened.js'
import type { Policy } from './policy.js'
import { purposeOf, type Question } from './question.js'

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

export class Exchange implements Question {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly isHead: boolean
  readonly isGetOrHead: boolean
  readonly purpose: Purpose
  readonly #began = performance.now()

  constructor(req: Request, res: Response) {
    // The compatibility API of HTTP/2 has the same methods, but declares them anew.
    this.req = req as IncomingMessage
    this.res = res as ServerResponse
    this.isHead = req.method === 'HEAD'
    this.isGetOrHead = this.isHead || req.method === 'GET'
    this.purpose = purposeOf(this.isHead, name => this.header(name))
  }

  get method(): string {
    return this.req.method ?? ''
  }

  get target(): string {
    return this.req.url ?? ''
  }

  get originalTarget(): string | undefined {
    return (this.req as { originalUrl?: string }).originalUrl
  }

  get status(): number {
    return this.res.statusCode
  }

  header(name: string): string | undefined {
    // Node's types say that it may be a list; the names that are asked for, repeated, are joined into one text.
    return this.req.headers[name] as string | undefined
  }

  preset(name: string): string | undefined {
    return presetHeader(this.res, name)
  }

  consult(policy: Policy, path: string, file: Opened): void {
    policy.setHeaders?.(this.res, path, file)
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
