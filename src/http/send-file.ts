/** `sendFile(req, res, path, options)`: one file as the answer to one request. */
import { fileURLToPath } from 'node:url'
import { SluiceError } from '../base/errors.js'
import { checkOneOf, show } from '../base/options.js'
import { isHidden, toByteName } from './byte-name.js'
import { deliver, deliverThrown, peerGone } from './deliver.js'
import { Exchange, type SendFileResult } from './exchange.js'
import { fileReply } from './file-reply.js'
import type { Request, Response } from './message.js'
import type { Opener } from './opener.js'
import { type FileOptions, type Policy, resolvePolicy } from './policy.js'
import type { Question } from './question.js'
import { errnoReply, type Reply, statusReply } from './reply.js'
import { anywhere, Root } from './root.js'
import { inTurn } from './turn.js'
import { Variants } from './variants.js'

export interface SendFileOptions extends FileOptions {
  /** The directory that `path` starts from and that it cannot leave. Without it `path` is trusted: never make it of what a client sent. */
  root?: string | undefined
  /** Below `root`, whether names that begin with a dot are sent; `ignore`, as if they were not there, if not given. */
  dotfiles?: 'ignore' | 'allow' | undefined
  /** Below `root`, where symbolic links may lead: `inside` it if not given, or anywhere. */
  symlinks?: 'inside' | 'anywhere' | undefined
  /** Breaks the response off. */
  signal?: AbortSignal | undefined
}

/**
 * Answers a request with a file: whole, in ranges, compressed, not at all where the client has it (304), or with the
 * error's status where it cannot be sent.
 *
 * A status that was set before, such as 404 for an error page, stays, and the file is then sent whole. Where the
 * peer closes, the file shrinks or the signal aborts, the connection is closed and the result has the `error`: what
 * a client does never makes it reject, so a result that nobody looks at ends no process.
 *
 * @throws ERR_SLUICE_OPTION where an option is not of its kind
 */
export async function sendFile(
  req: Request,
  res: Response,
  path: string | URL,
  options: SendFileOptions = {},
): Promise<SendFileResult> {
  const policy = resolvePolicy(options)
  const follow = checkOneOf('symlinks', options.symlinks ?? 'inside', ['inside', 'anywhere']) === 'anywhere'
  const dotfiles = checkOneOf('dotfiles', options.dotfiles ?? 'ignore', ['ignore', 'allow']) === 'allow'
  if (typeof path !== 'string' && !(path instanceof URL && path.protocol === 'file:')) {
    throw new SluiceError('ERR_SLUICE_OPTION', `path must be a string or a file: URL, not ${show(path)}`)
  }
  const given = typeof path === 'string' ? path : fileURLToPath(path)
  const exchange = new Exchange(req, res)
  const delivery = { prefer: policy.prefer, signal: options.signal }
  let root: Root | null = null
  try {
    if (!(await turnOf(exchange))) return exchange.result({ error: peerGone() })
    if (options.root === undefined) {
      const wanted = { given, name: toByteName(given), place: everywhere() }
      return await deliver(exchange, await answer(exchange, wanted, policy), delivery)
    }
    const name = toByteName(given).replace(/^\/+/, '')
    if (!dotfiles && isHidden(name)) return await deliver(exchange, statusReply(404), delivery)
    root = new Root(options.root, { follow })
    const wanted = { given, name, place: { opener: root, variants: new Variants(root) } }
    return await deliver(exchange, await answer(exchange, wanted, policy), delivery)
  } catch (error) {
    return deliverThrown(exchange, error)
  } finally {
    root?.close()
  }
}

/** Resolves when it is the response's turn: false where the connection closed before. */
function turnOf({ req, res }: Exchange): Promise<boolean> {
  return new Promise(resolve =>
    inTurn(
      req,
      res,
      () => resolve(true),
      () => resolve(false),
    ),
  )
}

interface Place {
  readonly opener: Opener
  readonly variants: Variants
}

interface Wanted {
  /** The path as the program gave it. */
  readonly given: string
  readonly name: string
  readonly place: Place
}

async function answer(
  question: Question,
  { given, name, place: { opener, variants } }: Wanted,
  policy: Policy,
): Promise<Reply> {
  const { purpose } = question
  if (name.includes('\0')) return statusReply(404)
  const found = await opener.open(name, purpose)
  if (typeof found === 'number') return errnoReply(found)
  if (found.isDirectory) {
    found.close()
    return statusReply(404)
  }
  const acceptEncoding = question.header('accept-encoding')
  const representation = policy.precompressed
    ? await variants.select(name, found, { purpose, acceptEncoding })
    : { file: found, coding: null, varies: false }
  if (representation === null) return statusReply(406, { lines: ['Vary', 'Accept-Encoding'] })
  return fileReply(question, { representation, name, path: given }, policy)
}

let place: Place | null = null

/** Where names start that are not confined, made when it is first needed. */
function everywhere(): Place {
  if (place === null) {
    const opener = anywhere()
    place = { opener, variants: new Variants(opener) }
  }
  return place
}
