/** `serveStatic(root, options)`: a directory as a handler for node:http, Express and Connect. */
import { dispose } from '../base/dispose.js'
import { type DeliverOptions, deliver, deliverThrown, peerGone } from './deliver.js'
import { Exchange, type SendFileResult } from './exchange.js'
import type { Request, Response } from './message.js'
import { whenFound } from './opener.js'
import { type Answer, Site } from './site.js'
import { resolveStaticOptions, type StaticOptions, type StaticPolicy } from './static-options.js'
import { inTurn } from './turn.js'

/** Handles one request; `next` is what routers pass, and gets what is not found here. */
export interface StaticHandler {
  (req: Request, res: Response, next?: (error?: unknown) => void): void
  /** Closes the root directory; what is being sent is sent to its end. */
  close(): void
  [Symbol.dispose](): void
}

/**
 * A handler that serves the files below `root`.
 *
 * It answers GET and HEAD, and whatever it cannot answer it passes to `next`, or answers itself where there is no
 * `next` or `fallthrough` is false. It never throws, and no request makes it answer 500 but a broken disk.
 *
 * @throws ERR_SLUICE_FILE where the root is not a directory that may be entered
 * @throws ERR_SLUICE_OPTION where an option is not of its kind
 */
export function serveStatic(root: string, options: StaticOptions = {}): StaticHandler {
  const policy = resolveStaticOptions(options)
  const server = new StaticServer(new Site(root, policy), policy)
  const handler: StaticHandler = (req, res, next) => server.handle(new Exchange(req, res), next)
  handler.close = () => server.close()
  handler[dispose] = () => server.close()
  return handler
}

type Next = (error?: unknown) => void

/** What came of a request; null where it is for `next`. */
type Outcome = SendFileResult | null

class StaticServer {
  readonly #site: Site
  readonly #policy: StaticPolicy
  readonly #delivery: DeliverOptions

  constructor(site: Site, policy: StaticPolicy) {
    this.#site = site
    this.#policy = policy
    this.#delivery = { prefer: policy.prefer }
  }

  close(): void {
    this.#site.close()
  }

  handle(exchange: Exchange, next: Next | undefined): void {
    const { req, res } = exchange
    inTurn(
      req,
      res,
      () => this.#begin(exchange, next),
      () => this.#policy.onSend?.(exchange.result({ error: peerGone() }), req, res),
    )
  }

  #begin(exchange: Exchange, next: Next | undefined): void {
    const finish = (outcome: Outcome): void => {
      if (outcome === null) next!()
      else this.#policy.onSend?.(outcome, exchange.req, exchange.res)
    }
    let outcome: Outcome | Promise<Outcome>
    try {
      outcome = this.#answer(exchange, this.#policy.fallthrough && next !== undefined)
    } catch (error) {
      outcome = deliverThrown(exchange, error)
    }
    if (outcome instanceof Promise) outcome.catch(error => deliverThrown(exchange, error)).then(finish)
    else finish(outcome)
  }

  #answer(exchange: Exchange, passes: boolean): Outcome | Promise<Outcome> {
    return whenFound<Answer, Outcome>(this.#site.answer(exchange, passes), reply =>
      reply === null ? null : deliver(exchange, reply, this.#delivery),
    )
  }
}
