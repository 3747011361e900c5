/** Parsers that are in the middle of nothing: a connection has one only while half a head has come. */
import type { RequestLimits } from '../http/request/limits.js'
import { RequestParser } from '../http/request/parser.js'

/** How many are kept that nobody uses. */
const keptMax = 64

export class Parsers {
  readonly #limits: RequestLimits
  readonly #kept: RequestParser[] = []

  constructor(limits: RequestLimits) {
    this.#limits = limits
  }

  take(): RequestParser {
    return this.#kept.pop() ?? new RequestParser(this.#limits)
  }

  give(parser: RequestParser): void {
    if (this.#kept.length === keptMax) return
    parser.reset()
    this.#kept.push(parser)
  }
}
