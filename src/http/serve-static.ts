/** `serveStatic(root, options)`: a directory as a handler for node:http, Express and Connect. */
import { constants } from 'node:os'
import { dispose } from '../base/dispose.js'
import { answerEmpty, answerErrno, answerStatus, answerThrown, peerGone, statusOf } from './answer.js'
import { isHidden, toDisplayName } from './byte-name.js'
import { Exchange, type Request, type Response, type SendFileResult } from './exchange.js'
import { respondWithListing } from './listing.js'
import { NamedRoot } from './named-root.js'
import type { Opened } from './opened.js'
import { type Found, whenFound } from './opener.js'
import { directoryLocation } from './redirect.js'
import { type RespondOptions, respond } from './respond.js'
import { resolveStaticOptions, type StaticOptions, type StaticPolicy } from './static-options.js'
import { parseTarget, type Target } from './target.js'
import { inTurn } from './turn.js'
import { type Representation, Variants } from './variants.js'

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
  const server = new StaticServer(new NamedRoot(root, { follow: policy.follow }), policy)
  const handler: StaticHandler = (req, res, next) => server.handle(new Exchange(req, res), next)
  handler.close = () => server.close()
  handler[dispose] = () => server.close()
  return handler
}

type Next = (error?: unknown) => void

/** What came of a request; null where it is for `next`. */
type Outcome = SendFileResult | null

const allowed = 'GET, HEAD, OPTIONS'

/** Only restrains what no application needs of its own document: plug-ins, and another base for its links. */
const spaPolicy = "object-src 'none'; base-uri 'self'"

class StaticServer {
  readonly #root: NamedRoot
  readonly #policy: StaticPolicy
  readonly #sending: RespondOptions
  readonly #variants: Variants

  constructor(root: NamedRoot, policy: StaticPolicy) {
    this.#root = root
    this.#policy = policy
    this.#sending = { policy }
    this.#variants = new Variants(root)
  }

  close(): void {
    this.#root.close()
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
      outcome = answerThrown(exchange, error)
    }
    if (outcome instanceof Promise) outcome.catch(error => answerThrown(exchange, error)).then(finish)
    else finish(outcome)
  }

  #answer(exchange: Exchange, passes: boolean): Outcome | Promise<Outcome> {
    if (!exchange.isGetOrHead) return otherMethod(exchange, passes)
    const { req } = exchange
    const target = parseTarget(req.url ?? '')
    if (target === null) return refuse(exchange, passes, 400)
    if (!this.#policy.dotfiles && isHidden(target.name)) return refuse(exchange, passes, 404)
    if (target.directory) return this.#directory(exchange, target, passes)
    return whenFound<Found, Outcome>(this.#root.open(target.name, exchange.purpose), found => {
      if (typeof found === 'number') return this.#notFound(exchange, target, passes, found)
      if (!found.isDirectory) return this.#file(exchange, target.name, found)
      found.close()
      return this.#directory(exchange, target, passes)
    })
  }

  /** A directory: under its path with a slash its index file or list, without the slash a redirection there. */
  #directory(exchange: Exchange, target: Target, passes: boolean): Outcome | Promise<Outcome> {
    const { originalUrl } = exchange.req as { originalUrl?: string }
    if (!target.directory || (target.name === '' && originalUrl !== undefined)) {
      const location = directoryLocation(target, originalUrl)
      if (location !== null) return answerStatus(exchange, 301, { lines: ['Location', location] })
    }
    return this.#index(exchange, target, passes, 0)
  }

  #index(exchange: Exchange, target: Target, passes: boolean, position: number): Outcome | Promise<Outcome> {
    const index = this.#policy.index[position]
    if (index === undefined) return this.#list(exchange, target, passes)
    const name = target.name === '' ? index : `${target.name}/${index}`
    return whenFound<Found, Outcome>(this.#root.open(name, exchange.purpose), found => {
      if (typeof found !== 'number' && !found.isDirectory) return this.#file(exchange, name, found)
      if (typeof found !== 'number') found.close()
      else if (statusOf(found) !== 404) return this.#notFound(exchange, target, passes, found)
      return this.#index(exchange, target, passes, position + 1)
    })
  }

  #list(exchange: Exchange, target: Target, passes: boolean): Outcome | Promise<Outcome> {
    const absent = -constants.errno.ENOENT
    if (!this.#policy.listing) return this.#notFound(exchange, target, passes, absent)
    return whenFound<Found, Outcome>(this.#root.open(target.name, 'read'), found => {
      if (typeof found === 'number') return this.#notFound(exchange, target, passes, found)
      const { name } = target
      if (found.isDirectory) {
        return respondWithListing(exchange, this.#root, found, { name, dotfiles: this.#policy.dotfiles })
      }
      found.close()
      return this.#notFound(exchange, target, passes, absent)
    })
  }

  /** Takes over the file and answers with it or with a form of it. */
  #file(exchange: Exchange, name: string, found: Opened, lines: string[] = []): Outcome | Promise<Outcome> {
    const path = `${this.#root.path}/${toDisplayName(name)}`
    const send = (representation: Representation | null): Outcome | Promise<Outcome> => {
      if (representation === null) return answerStatus(exchange, 406, { lines: ['Vary', 'Accept-Encoding'] })
      // Not spread into a new object: that alone took 4 % of a request's time.
      return respond(exchange, { representation, name, path, lines }, this.#sending)
    }
    if (!this.#policy.precompressed) return send({ file: found, coding: null, varies: false })
    const acceptEncoding = exchange.req.headers['accept-encoding'] as string | undefined
    return whenFound(this.#variants.select(name, found, { purpose: exchange.purpose, acceptEncoding }), send)
  }

  /** What could not be opened: the application's own document where it may be one of its places, else an error. */
  #notFound(exchange: Exchange, target: Target, passes: boolean, errno: number): Outcome | Promise<Outcome> {
    const status = statusOf(errno)
    const { spa } = this.#policy
    // The last part of a place in an application has no dot; what has one is a file that is missing.
    const isPlace = !target.name.includes('.', target.name.lastIndexOf('/') + 1)
    if (status !== 404 || spa === null || !isPlace) return refuseErrno(exchange, passes, errno)
    return whenFound<Found, Outcome>(this.#root.open(spa, exchange.purpose), found => {
      if (typeof found === 'number') return refuseErrno(exchange, passes, found)
      if (!found.isDirectory) {
        return this.#file(exchange, spa, found, ['Content-Security-Policy', spaPolicy])
      }
      found.close()
      return refuse(exchange, passes, 404)
    })
  }
}

function otherMethod(exchange: Exchange, passes: boolean): Outcome {
  if (passes) return null
  if (exchange.req.method === 'OPTIONS') return answerEmpty(exchange, 204, ['Allow', allowed])
  return answerStatus(exchange, 405, { lines: ['Allow', allowed] })
}

/** Passes on what was asked wrongly, or is not here; what is wrong with this machine is answered. */
function refuse(exchange: Exchange, passes: boolean, status: number): Outcome {
  return passes && status < 500 ? null : answerStatus(exchange, status)
}

function refuseErrno(exchange: Exchange, passes: boolean, errno: number): Outcome {
  return passes && statusOf(errno) < 500 ? null : answerErrno(exchange, errno)
}
